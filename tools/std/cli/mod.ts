/**
 * A local stand-in for "@std/cli": what the command line uses of it.
 *
 * @module
 */
export * from "./parse_args.ts";
