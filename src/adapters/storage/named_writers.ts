/**
 * The workers of a master as the storage knows them.
 *
 * @module
 */
import type { SpawnWorker, WorkerEvents, WorkerHandle } from "../../master/primitives.ts";
import type { Storage } from "./storage.ts";

/** Starts the worker of a slot, whose writer has the incarnation. */
export type StartWorker = (
  slot: number,
  events: WorkerEvents,
  incarnation: string,
) => WorkerHandle;

/**
 * Gives each worker's writer an incarnation, so that the storage can be told for certain when it has
 * ended: the writers of a server have no locks that a kernel drops.
 */
export function nameWriters(
  start: StartWorker,
  storage: Pick<Storage, "declareDead">,
): SpawnWorker {
  return (slot, events) => {
    const incarnation = crypto.randomUUID().slice(-12);
    const worker = start(slot, events, incarnation);
    void worker.ended.then(() => storage.declareDead(incarnation));
    return worker;
  };
}
