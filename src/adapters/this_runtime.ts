/**
 * The runtime that this process is in, found out once.
 *
 * @module
 */
import { DENO_RUNTIME } from "./deno/runtime.ts";
import { NODE_RUNTIME } from "./node/runtime.ts";
import type { Runtime } from "./runtime.ts";

/** Deno where there is Deno, else Node. Nothing of the other one is touched. */
export const RUNTIME: Runtime = "Deno" in globalThis ? DENO_RUNTIME : NODE_RUNTIME;
