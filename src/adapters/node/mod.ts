/**
 * The package on Node, beyond what the main module has for every runtime.
 *
 * @module
 */
export { nodeFilePrimitives } from "./file_primitives.ts";
