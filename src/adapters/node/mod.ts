/**
 * The package on Node, beyond what the main module has for every runtime.
 *
 * @module
 */
export { type NodeHandler, nodeHandler } from "../http/node_handler.ts";
export { nodeFilePrimitives } from "./file_primitives.ts";
