/**
 * Which workers of a cluster share a listener.
 *
 * @module
 */

/** The workers that take the connections of one listener. */
export interface ListenerShares<Worker> {
  /** A worker begins to take connections. */
  join(worker: Worker): void;
  /** It takes none any more. */
  leave(worker: Worker): void;
  /** Whether another one takes those of the listener that a worker has, or had. */
  hasOthers(worker: Worker): boolean;
}

/**
 * The listener ends with the last of its workers, and the next worker makes another one: what was
 * accepted by the first is nothing for the second.
 */
export function createListenerShares<Worker extends object>(): ListenerShares<Worker> {
  const groups = new WeakMap<Worker, Set<Worker>>();
  let newest = new Set<Worker>();
  return {
    join(worker) {
      if (!groups.has(worker)) groups.set(worker, newest);
      groups.get(worker)!.add(worker);
    },
    leave(worker) {
      const group = groups.get(worker);
      group?.delete(worker);
      if (group === newest && group.size === 0) newest = new Set();
    },
    hasOthers(worker) {
      const group = groups.get(worker);
      return group !== undefined && group.size > (group.has(worker) ? 1 : 0);
    },
  };
}
