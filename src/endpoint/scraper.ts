/**
 * Makes metrics pages: read, aggregate, render, once for everybody who asked at the same time.
 *
 * @module
 */
import { createAggregator } from "../core/aggregate.ts";
import { type Family, mergeFamilies } from "../core/family.ts";
import type { Snapshot, StorageReader } from "../core/storage.ts";
import type { DirectoryStats } from "../storage/filesystem/directory.ts";
import type { ExpositionFormat } from "./negotiate.ts";
import { createPagePrinter } from "./page_bytes.ts";
import { createRounds } from "./rounds.ts";
import type { RedisStats, SelfMetrics } from "./self_metrics.ts";

/** Which page is wanted. */
export interface PageRequest {
  /** The form. */
  readonly format: ExpositionFormat;
  /** Only the families and samples of these names; all when empty. */
  readonly names: readonly string[];
}

/** A finished page. It holds nothing of the storage, so a slow client holds up nobody. */
export interface Page {
  /** The page, UTF-8. Shared: do not change it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The page compressed, made at the first call and kept. */
  gzipped(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Makes pages. */
export interface Scraper {
  /** A page that shows everything that was stored before the call. */
  page(request: PageRequest): Promise<Page>;
  /** Reads the storage. The result is why that failed, `undefined` when it did not. */
  check(): Promise<string | undefined>;
}

/** What a scraper works with. */
export interface ScraperOptions {
  /** Reads the writers. */
  readonly reader: StorageReader;
  /** What the endpoint tells about itself. */
  readonly self: SelfMetrics;
  /** What an error is counted under that concerns the storage as a whole. */
  readonly source: string;
  /** Looks at the directory, where there is one. */
  readonly directoryStats: (() => DirectoryStats | Promise<DirectoryStats>) | undefined;
  /** Says how it goes with Redis, where that is the storage. */
  readonly redisStats: (() => RedisStats) | undefined;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
}

interface Outcome {
  readonly failure: string | undefined;
  readonly pages: ReadonlyMap<string, Page>;
}

/** What is asked for by who only wants to know whether the storage can be read. */
const CHECK = "";

/** Makes a scraper. It does not own the reader. */
export function createScraper(options: ScraperOptions): Scraper {
  const { reader, self, source, directoryStats, redisStats, now } = options;
  const aggregator = createAggregator();
  const printer = createPagePrinter();
  // Counters: they must not fall when a read fails.
  let corrections = 0;
  let conflictCount = 0;

  const run = async (wanted: ReadonlySet<string>): Promise<Outcome> => {
    const startedMs = now();
    let stored: readonly Family[] = [];
    let writers: Snapshot["writers"] = { live: 0, dead: 0, unknown: 0 };
    let seriesCount = 0;
    let failure: string | undefined;
    try {
      const snapshot = await reader.read();
      const result = aggregator.aggregate(snapshot);
      ({ families: stored, seriesCount, corrections, conflictCount } = result);
      writers = snapshot.writers;
      self.note([...snapshot.problems, ...result.problems], result.conflicts);
    } catch (error) {
      // A page with the self-metrics, which say so, is worth more than an error page.
      failure = error instanceof Error ? error.message : String(error);
      self.note([{ source, message: failure }], []);
    }
    const own = self.families({
      durationSeconds: (now() - startedMs) / 1000,
      writers,
      seriesCount,
      corrections,
      conflictCount,
      directory: await directoryStats?.(),
      redis: redisStats?.(),
    });
    // Everything is rendered before the next round may read: the values are the reader's arrays.
    const families = mergeFamilies(stored, own);
    const pages = new Map<string, Page>();
    for (const key of wanted) {
      if (key === CHECK) continue;
      const { format, names } = decode(key);
      const selected = names.length === 0 ? undefined : new Set(names);
      pages.set(key, createPage(printer.print(families, format, selected)));
    }
    return { failure, pages };
  };
  const rounds = createRounds(run);

  return {
    async page(request) {
      const key = encode(request);
      const { pages } = await rounds.join(key);
      return pages.get(key)!;
    },
    async check() {
      return (await rounds.join(CHECK)).failure;
    },
  };
}

/** Equal requests have equal texts, so that they share a page. */
function encode({ format, names }: PageRequest): string {
  return JSON.stringify([format, ...new Set(names.toSorted())]);
}

function decode(key: string): PageRequest {
  const [format, ...names] = JSON.parse(key) as [ExpositionFormat, ...string[]];
  return { format, names };
}

function createPage(bytes: Uint8Array<ArrayBuffer>): Page {
  let compressed: Promise<Uint8Array<ArrayBuffer>> | undefined;
  return {
    bytes,
    gzipped: () => compressed ??= gzip(bytes),
  };
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
