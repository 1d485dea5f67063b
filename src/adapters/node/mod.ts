/**
 * The package on Node, beyond what the main module has for every runtime.
 *
 * @module
 */
export { type NodeHandler, nodeHandler } from "../http/node_handler.ts";
export { type ClusterWorker, startWorker, type StartWorkerOptions } from "./cluster_worker.ts";
export { nodeFilePrimitives } from "./file_primitives.ts";
export { type PrimaryOptions, runPrimary } from "./primary.ts";
