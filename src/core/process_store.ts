/**
 * The store of this process (isolate, thread): connects metrics, which may be created before any
 * storage is open, with the storage writer that is opened later. It hangs on `globalThis`, so that
 * several copies of this module (from JSR and from npm, say) share one writer.
 *
 * @module
 */
import type { GaugeMode } from "./modes.ts";
import type { Cell, MetricKind, StorageWriter } from "./storage.ts";

/** Something that moves its values into the storage when one is opened. */
export interface Storable {
  /** The name of the metric, for log lines. */
  readonly name?: string;
  /** Called once when the store has a writer: at once if it has one already. */
  attach(store: ProcessStore): void;
  /** Brings values that are copied rather than shared up to date (foreign metrics, `collect()`). */
  snapshot?(): void | Promise<void>;
  /** Does of that what can be done without waiting. */
  mirror?(): void;
}

/** The process-wide connection between metrics and storage. */
export interface ProcessStore {
  /** The version of this interface; copies of other versions use a writer of their own. */
  readonly version: 1;
  /** The open writer, if any. */
  readonly writer: StorageWriter | undefined;
  /** Everything that is connected. */
  readonly connected: ReadonlySet<Storable>;
  /**
   * Connects a metric; attaches it at once when a writer is open. Connecting twice is harmless.
   *
   * @throws {Error} when the metric cannot go into the open writer; it is not connected then.
   */
  connect(storable: Storable): void;
  /**
   * Forgets a metric, so that programs may make and drop metrics without end. What it has put into
   * the writer's slots stays there; no other writer is told of it.
   */
  disconnect(storable: Storable): void;
  /**
   * Opens the store with a writer: everything connected is attached.
   *
   * @throws {Error} when it is open already.
   * @throws {AggregateError} when metrics cannot go into the writer (a `mostrecent` gauge where no
   * times are stored). The store is open all the same, and everything else is attached.
   */
  open(writer: StorageWriter): void;
  /** Forgets the writer without closing it; metrics that are attached go on writing to its arrays. */
  detach(): void;
  /** The slot of a series; the same one for the same kind, mode and key. @throws {Error} when closed */
  cell(kind: MetricKind, mode: GaugeMode | undefined, key: string): Cell;
}

const STORE = Symbol.for("@gpe/cli/store");
let own: ProcessStore | undefined;

/** The store of this process, created at the first call. */
export function processStore(): ProcessStore {
  const holder = globalThis as { [STORE]?: ProcessStore };
  const shared = holder[STORE] ??= createProcessStore();
  if (shared.version === 1) return shared;
  // A copy of another version keeps its place: this one works beside it, with its own writer.
  return own ??= createProcessStore();
}

/** A store that is not shared: for tests, and for modules that cannot share. */
export function createProcessStore(): ProcessStore {
  let writer: StorageWriter | undefined;
  const connected = new Set<Storable>();
  const cells = new Map<string, Cell>();
  const store: ProcessStore = {
    version: 1,
    get writer() {
      return writer;
    },
    connected,
    connect(storable) {
      if (connected.has(storable)) return;
      if (writer !== undefined) storable.attach(store);
      connected.add(storable);
    },
    disconnect(storable) {
      connected.delete(storable);
    },
    open(opened) {
      if (writer !== undefined) {
        throw new Error(`Cannot open the metrics store: writer "${writer.writer}" is open already`);
      }
      writer = opened;
      cells.clear();
      const errors: unknown[] = [];
      for (const storable of connected) {
        try {
          storable.attach(store);
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) {
        const problems = errors.map((error) => error instanceof Error ? error.message : error);
        throw new AggregateError(errors, problems.join("; "));
      }
    },
    detach() {
      writer = undefined;
    },
    cell(kind, mode, key) {
      if (writer === undefined) {
        throw new Error("Cannot make a cell: the metrics store is not open");
      }
      const name = mode === undefined ? `${kind} ${key}` : `${kind}_${mode} ${key}`;
      let cell = cells.get(name);
      if (cell === undefined) {
        cell = writer.allocate(kind, mode, key);
        cells.set(name, cell);
      }
      return cell;
    },
  };
  return store;
}
