/**
 * What a master and the threads of its thread hosts tell each other. The host passes it on: over
 * the IPC channel to the master, as messages of Web Workers to the threads.
 *
 * @module
 */
import type { FromWorker, ToWorker } from "../service/worker_protocol.ts";
import type { WorkerStart } from "./worker_protocol.ts";

/** A message from the master to a thread; the first one starts it. */
export type ToThread = ToWorker<WorkerStart> | { readonly "@gpe/cli": "stop" | "exit" };

/** A message from a thread to its master. Nothing follows `ended`. */
export type FromThread = FromWorker | { readonly "@gpe/cli": "ended"; readonly code: number };

/** A message from the master to a thread host. */
export interface ToHost {
  /** The mark. */
  readonly "@gpe/cli": "thread";
  /** Which thread; numbers are never used again. */
  readonly thread: number;
  /** What it is told. */
  readonly message: ToThread;
}

/** A message from a thread host to its master. */
export type FromHost =
  | { readonly "@gpe/cli": "thread"; readonly thread: number; readonly message: FromThread }
  /** The host was told to end, though not by its master: it takes no more threads. */
  | { readonly "@gpe/cli": "leaving" };
