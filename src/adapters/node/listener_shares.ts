/**
 * Which workers of a cluster share a listener.
 *
 * @module
 */

/** The workers that take the connections of each listener. */
export interface ListenerShares<Worker> {
  /** A worker begins to take the connections of a listener. */
  join(key: string, worker: Worker): void;
  /** It takes none of them any more. */
  leave(key: string, worker: Worker): void;
  /** It takes none of any listener any more. */
  leaveAll(worker: Worker): void;
  /** Those that take connections of a listener, now and later; they are none when it has ended. */
  of(key: string): ReadonlySet<Worker>;
}

/**
 * A listener ends with the last of its workers, and the next worker makes another one of the same key:
 * what was accepted by the first is nothing for the second.
 */
export function createListenerShares<Worker>(): ListenerShares<Worker> {
  const listeners = new Map<string, Set<Worker>>();

  function leave(key: string, worker: Worker): void {
    const workers = listeners.get(key);
    workers?.delete(worker);
    if (workers?.size === 0) listeners.delete(key);
  }

  return {
    join(key, worker) {
      const workers = listeners.get(key) ?? new Set();
      listeners.set(key, workers.add(worker));
    },
    leave,
    leaveAll(worker) {
      for (const key of [...listeners.keys()]) leave(key, worker);
    },
    of: (key) => listeners.get(key) ?? new Set(),
  };
}
