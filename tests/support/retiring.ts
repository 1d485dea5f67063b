/** Writers with values of every kind, and what a page shows of them: for tests of retiring. */
import { denoFilePrimitives } from "../../src/adapters/deno/file_primitives.ts";
import { createAggregator } from "../../src/core/aggregate.ts";
import type { GaugeMode } from "../../src/core/modes.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import type { Cell, MetricKind, StorageReader } from "../../src/core/storage.ts";
import { type FileLayout, writerFileName } from "../../src/storage/filesystem/file_format.ts";
import {
  type FilesystemWriter,
  openFilesystemReader,
  openFilesystemWriter,
} from "../../src/storage/filesystem/mod.ts";
import { printed } from "./snapshots.ts";
import { waitFor } from "./wait_for.ts";

/** A kind of file, as its name begins. */
export type Type = readonly [kind: MetricKind, mode?: GaugeMode];

/** Every type that outlives its writer. */
export const FOLDED: readonly Type[] = [
  ["counter"],
  ["histogram"],
  ["summary"],
  ["gauge", "sum"],
  ["gauge", "min"],
  ["gauge", "max"],
  ["gauge", "mostrecent"],
];

/** Types of which nothing is left when their writer is dead. */
export const DROPPED: readonly Type[] = [
  ["gauge", "liveall"],
  ["gauge", "livesum"],
  ["gauge", "livemin"],
  ["gauge", "livemax"],
  ["gauge", "livemostrecent"],
  ["gauge", "average"],
  ["gauge", "first"],
];

/** The files that hold the totals of all of them. */
export const ACCUMULATORS = [
  "counter_retired.db",
  "gauge_max_retired.db",
  "gauge_min_retired.db",
  "gauge_mostrecent_retired.db",
  "gauge_sum_retired.db",
  "histogram_retired.db",
  "summary_retired.db",
];

/** The simplest type. */
export const COUNTER: Type = ["counter"];

/** The sample keys of series `i`; a histogram has several. */
export function keysOf([kind, mode]: Type, i: number | string): string[] {
  const labels = { item: String(i) };
  const name = mode === undefined ? kind : `${kind}_${mode}`;
  const key = (sample: string, more: Record<string, string> = {}): string =>
    encodeSampleKey(name, sample, { ...labels, ...more }, "Help");
  switch (kind) {
    case "counter":
      return [encodeSampleKey(`${name}_total`, `${name}_total`, labels, "Help")];
    case "histogram":
      return [
        ...["0.5", "1.0", "+Inf"].map((le) => key(`${name}_bucket`, { le })),
        key(`${name}_sum`),
      ];
    case "summary":
      return [key(`${name}_count`), key(`${name}_sum`)];
    default:
      return [key(name)];
  }
}

/** A writer whose series are made when they are first used. */
export interface Worker extends AsyncDisposable {
  /** The storage writer. */
  readonly writer: FilesystemWriter;
  /** Adds to every series `i` of a type that adds up, or sets it. */
  put(type: Type, i: number | string, value: number, time?: number): void;
}

/** Opens a writer. Disposing of it is its death: files and writer file stay. */
export function openWorker(
  directory: string,
  id: string,
  options: { layout?: FileLayout; startTime?: number; mapped?: boolean } = {},
): Worker {
  const { layout = "timestamp", startTime = 1, mapped = true } = options;
  const { identity, locks, mapper } = denoFilePrimitives;
  const writer = openFilesystemWriter({
    directory,
    layout,
    writer: id,
    primitives: { identity, locks, mapper: mapped ? mapper : undefined },
    now: () => startTime * 1000,
  });
  const cells = new Map<string, Cell>();
  return {
    writer,
    put(type, i, value, time = 0) {
      const [kind, mode] = type;
      for (const key of keysOf(type, i)) {
        const name = `${kind} ${mode} ${key}`;
        let cell = cells.get(name);
        if (cell === undefined) cells.set(name, cell = writer.allocate(kind, mode, key));
        const before = kind === "gauge" ? 0 : cell.values[cell.index] as number;
        cell.values[cell.index] = before + value;
        if (cell.timestampIndex >= 0) cell.values[cell.timestampIndex] = time;
      }
    },
    async [Symbol.asyncDispose]() {
      await writer[Symbol.asyncDispose]();
      // Tests beside this one start programs from the same process: what is just being started has
      // our files, with their locks, for a moment.
      await waitFor(() => !isLocked(`${directory}/${writerFileName(writer.writer)}`));
    },
  };
}

/** Opens a writer, writes something of every type, and closes it. */
export async function liveAndDie(
  directory: string,
  id: string,
  values: readonly number[],
): Promise<void> {
  await using worker = openWorker(directory, id);
  values.forEach((value, i) => {
    for (const type of [...FOLDED, ...DROPPED]) worker.put(type, i % 3, value, Number(id) + i);
  });
}

function isLocked(path: string): boolean {
  try {
    return denoFilePrimitives.locks!.isLocked(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // retired already
    throw error;
  }
}

/** What a page of a directory shows: the values by series, unguarded. */
export async function pageOf(directory: string): Promise<Record<string, number>> {
  await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  return await readPage(reader);
}

/** The same of a reader that is open already. @throws {Error} when something cannot be read */
export async function readPage(
  reader: StorageReader,
  aggregator = createAggregator({ guard: false }),
): Promise<Record<string, number>> {
  const snapshot = await reader.read();
  const result = aggregator.aggregate(snapshot);
  const problems = [...snapshot.problems, ...result.problems];
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return printed(result);
}

/** The names in a directory, sorted. */
export function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}
