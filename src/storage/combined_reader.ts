/**
 * Several storages read as one.
 *
 * @module
 */
import { StorageError } from "../core/errors.ts";
import { isLiveMode } from "../core/modes.ts";
import type {
  Liveness,
  ReadProblem,
  SampleSource,
  Snapshot,
  StorageReader,
} from "../core/storage.ts";

/** One of several storages. */
export interface NamedReader {
  /** What it is called in problems; no other one is called so. */
  readonly name: string;
  /** Reads it. When `read()` fails, the sources it gave before have to stay as they were. */
  readonly reader: StorageReader;
}

/**
 * How long the totals of a storage that cannot be read are still shown, in milliseconds: without them
 * a total over both storages would fall, which is a reset to Prometheus, and rise again. It is the time
 * after which a silent writer counts as dead.
 */
const HOLD_MS = 300_000;

/** What a storage had when it could be read last. */
interface Held {
  readonly sources: readonly SampleSource[];
  readonly untilMs: number;
}

/**
 * Makes one reader of several. One that cannot be read becomes a problem, and the others are served;
 * `read()` fails when none can. Disposing of it disposes of them.
 *
 * @param now Monotonic time in milliseconds.
 * @throws {TypeError} when two have the same name
 */
export function combineReaders(
  readers: readonly NamedReader[],
  now: () => number = () => performance.now(),
): StorageReader {
  const names = new Set(readers.map(({ name }) => name));
  if (names.size < readers.length) {
    throw new TypeError(`Cannot combine readers: ${[...names]} are not ${readers.length} names`);
  }
  const held = new Map<string, Held>();
  return {
    async read(): Promise<Snapshot> {
      const results = await Promise.allSettled(readers.map(({ reader }) => reader.read()));
      const storages = new Map<SampleSource, string>();
      const writers: Record<Liveness, number> = { live: 0, dead: 0, unknown: 0 };
      const problems: ReadProblem[] = [];
      const failures: unknown[] = [];
      for (const [i, { name }] of readers.entries()) {
        const result = results[i] as PromiseSettledResult<Snapshot>;
        if (result.status === "fulfilled") {
          const { value } = result;
          held.set(name, { sources: value.sources.filter(isTotal), untilMs: now() + HOLD_MS });
          for (const source of value.sources) storages.set(source, name);
          for (const liveness of ["live", "dead", "unknown"] as const) {
            writers[liveness] += value.writers[liveness];
          }
          problems.push(...value.problems);
          continue;
        }
        failures.push(result.reason);
        problems.push({ source: name, message: messageOf(result.reason) });
        const last = held.get(name);
        if (last === undefined || last.untilMs <= now()) continue;
        for (const source of last.sources) storages.set(source, name);
      }
      if (failures.length === readers.length) throw failureOf(failures, [...names]);
      const sources = [...storages.keys()].sort((a, b) =>
        a.name < b.name ? -1 : a.name > b.name ? 1 : 0
      );
      return { sources, writers, problems, storages };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(readers.map(({ reader }) => reader[Symbol.asyncDispose]()));
    },
  };
}

/** Whether a source counts for what it is, and not because its writer lives. */
function isTotal({ mode }: SampleSource): boolean {
  return mode === undefined || !isLiveMode(mode);
}

function failureOf(failures: readonly unknown[], names: readonly string[]): unknown {
  if (failures.length === 1) return failures[0];
  return new StorageError(failures.map(messageOf).join("; "), names.join(", "), {
    cause: failures[0],
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
