/**
 * Storage in the memory of this process: for tests, and for use without any permission.
 *
 * @module
 */
import { StorageError } from "./errors.ts";
import type { GaugeMode } from "./modes.ts";
import type {
  Cell,
  Liveness,
  MetricKind,
  SampleSource,
  Snapshot,
  StorageReader,
  StorageWriter,
} from "./storage.ts";

/** Entries of a slab; slots come in pairs, value and time. */
const SLAB_ENTRIES = 512;

/** Who writes. */
export interface MemoryWriterOptions {
  /** The writer's id. */
  readonly writer: string;
  /** Whether times of gauges are stored; default true. */
  readonly storesTimestamps?: boolean;
  /** When the writer started, in seconds since the epoch; default now. */
  readonly startTime?: number;
}

/** A storage that the writers and readers of one process share. */
export interface MemoryStorage {
  /** Opens a writer. Closing it makes it dead. @throws {StorageError} when the id was used before */
  openWriter(options: MemoryWriterOptions): StorageWriter;
  /** Opens a reader of all writers. */
  openReader(): StorageReader;
  /** Declares whether a writer lives. @throws {StorageError} when there is no such writer */
  setLiveness(writer: string, liveness: Liveness): void;
}

/** The entries of one writer of one kind and mode. Slots never move: slabs are added, not enlarged. */
interface Stream {
  readonly name: string;
  readonly kind: MetricKind;
  readonly mode: GaugeMode | undefined;
  readonly keys: string[];
  readonly slabs: Float64Array[];
}

interface Writer {
  readonly options: Required<MemoryWriterOptions>;
  readonly streams: Map<string, Stream>;
  liveness: Liveness;
}

/** Makes an empty storage. */
export function createMemoryStorage(): MemoryStorage {
  const writers = new Map<string, Writer>();
  return {
    openWriter(options) {
      if (writers.has(options.writer)) {
        const id = JSON.stringify(options.writer);
        throw new StorageError(
          `Cannot open writer: ${id} was used before, expected another id`,
          options.writer,
        );
      }
      const writer: Writer = {
        options: { storesTimestamps: true, startTime: Date.now() / 1000, ...options },
        streams: new Map(),
        liveness: "live",
      };
      writers.set(options.writer, writer);
      return openWriter(writer);
    },
    openReader: () => openReader(writers),
    setLiveness(id, liveness) {
      const writer = writers.get(id);
      if (writer === undefined) {
        throw new StorageError(`Cannot set liveness: no writer ${JSON.stringify(id)}`, id);
      }
      writer.liveness = liveness;
    },
  };
}

function openWriter(own: Writer): StorageWriter {
  const { writer, storesTimestamps } = own.options;
  return {
    writer,
    storesTimestamps,
    survivesKill: false,
    unstored: 0,
    allocate(kind, mode, key): Cell {
      const name = mode === undefined ? `${kind}_${writer}` : `${kind}_${mode}_${writer}`;
      let stream = own.streams.get(name);
      if (stream === undefined) {
        own.streams.set(name, stream = { name, kind, mode, keys: [], slabs: [] });
      }
      const { keys, slabs } = stream;
      const index = keys.length % SLAB_ENTRIES * 2;
      if (index === 0) slabs.push(new Float64Array(SLAB_ENTRIES * 2));
      keys.push(key);
      const values = slabs[slabs.length - 1] as Float64Array;
      return { values, index, timestampIndex: storesTimestamps ? index + 1 : -1 };
    },
    flush: () => Promise.resolve(),
    [Symbol.asyncDispose]() {
      own.liveness = "dead";
      return Promise.resolve();
    },
  };
}

/** A source whose fields the reader renews. */
type OwnSource = { -readonly [Name in keyof SampleSource]: SampleSource[Name] } & {
  readonly keys: string[];
};

function openReader(writers: ReadonlyMap<string, Writer>): StorageReader {
  const sources = new Map<Stream, OwnSource>();
  return {
    read(): Promise<Snapshot> {
      const counts: Record<Liveness, number> = { live: 0, dead: 0, unknown: 0 };
      const all: SampleSource[] = [];
      for (const writer of writers.values()) {
        counts[writer.liveness]++;
        for (const stream of writer.streams.values()) {
          let source = sources.get(stream);
          if (source === undefined) sources.set(stream, source = makeSource(stream, writer));
          copy(stream, source);
          source.liveness = writer.liveness;
          all.push(source);
        }
      }
      all.sort((a, b) => a.name < b.name ? -1 : 1);
      return Promise.resolve({ sources: all, writers: counts, problems: [] });
    },
    [Symbol.asyncDispose]() {
      sources.clear();
      return Promise.resolve();
    },
  };
}

function makeSource({ name, kind, mode }: Stream, { options, liveness }: Writer): OwnSource {
  return {
    name,
    writer: options.writer,
    kind,
    mode,
    liveness,
    startTime: options.startTime,
    accumulator: false,
    keys: [],
    revision: 0,
    values: new Float64Array(0),
    slots: new Uint32Array(0),
    hasTimestamps: options.storesTimestamps,
    components: undefined,
  };
}

/** Copies slab by slab: a value that went through a variable could lose the mark of `markAbsent`. */
function copy({ keys, slabs }: Stream, source: OwnSource): void {
  const length = slabs.length * SLAB_ENTRIES;
  if (source.slots.length < length) {
    source.values = new Float64Array(length * 2);
    source.slots = Uint32Array.from({ length }, (_, entry) => entry * 2);
  }
  slabs.forEach((slab, i) => source.values.set(slab, i * SLAB_ENTRIES * 2));
  for (let i = source.keys.length; i < keys.length; i++) source.keys.push(keys[i] as string);
}
