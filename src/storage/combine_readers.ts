/**
 * Several storages read as one.
 *
 * @module
 */
import type { ReadProblem, Snapshot, StorageReader } from "../core/storage.ts";

/** One of several readers. */
export interface NamedReader {
  /** What the storage is called where it cannot be read. */
  readonly source: string;
  /** Its reader. */
  readonly reader: StorageReader;
}

/**
 * A reader of everything that several readers find. One that fails is a problem among others, and what
 * it found last stays: a sum over storages must not fall because one of them cannot be read just now.
 *
 * @returns A reader whose `read()` rejects when all of them fail. Closing it closes all of them.
 */
export function combineReaders(readers: readonly NamedReader[]): StorageReader {
  const [only] = readers;
  if (only !== undefined && readers.length === 1) return only.reader;
  const last = new Map<NamedReader, Snapshot>();
  return {
    async read(): Promise<Snapshot> {
      const outcomes = await Promise.allSettled(readers.map(({ reader }) => reader.read()));
      const problems: ReadProblem[] = [];
      for (const [i, outcome] of outcomes.entries()) {
        const named = readers[i] as NamedReader;
        if (outcome.status === "fulfilled") {
          last.set(named, outcome.value);
          continue;
        }
        const { reason } = outcome;
        if (outcomes.every(({ status }) => status === "rejected")) throw reason;
        const message = reason instanceof Error ? reason.message : String(reason);
        problems.push({ source: named.source, message });
      }
      const snapshots = readers.flatMap((named) => last.get(named) ?? []);
      return {
        sources: snapshots.flatMap(({ sources }) => sources)
          .sort((a, b) => a.name < b.name ? -1 : 1),
        writers: {
          live: sum(snapshots.map(({ writers }) => writers.live)),
          dead: sum(snapshots.map(({ writers }) => writers.dead)),
          unknown: sum(snapshots.map(({ writers }) => writers.unknown)),
        },
        problems: [...problems, ...snapshots.flatMap((snapshot) => snapshot.problems)],
      };
    },
    async [Symbol.asyncDispose]() {
      for (const { reader } of readers) await reader[Symbol.asyncDispose]();
    },
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
