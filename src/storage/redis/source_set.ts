/**
 * All sources of a storage, as a reader keeps them from read to read.
 *
 * @module
 */
import type { Liveness, ReadProblem, Snapshot } from "../../core/storage.ts";
import { listOf } from "./catalogue.ts";
import { FORMAT_VERSION, type RedisKeys } from "./keys.ts";
import { parsePythonNumber, type PythonSample } from "./python_keys.ts";
import type { FamilyMeta, Pass } from "./read_pass.ts";
import { RedisSource, shown, type SourceId } from "./redis_source.ts";

/**
 * How long what a live writer had written is still shown when the server has lost it, or came back with
 * older data: writers find out with their next flush and write everything anew. Meanwhile totals would
 * fall, which is a reset to Prometheus. A writer needs up to 8 s: 5 until it gives a command up, 2 until it
 * connects anew, 1 until it flushes.
 */
const HOLD_MS = 15_000;

/** The sources, and what is known of the families they are made of. */
export class SourceSet {
  /** What is said about the families, by text. */
  meta: ReadonlyMap<string, FamilyMeta> = new Map();
  readonly #keys: RedisKeys;
  readonly #now: () => number;
  #sources = new Map<string, RedisSource>();
  #last: Pass | undefined;
  /** When the last pass was, by the clock. */
  #lastMs = -Infinity;

  /** @param now Monotonic time in milliseconds. */
  constructor(keys: RedisKeys, now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  /** The writers that lived at the last read. */
  get liveWriters(): readonly string[] {
    const live = [...this.#sources.values()].filter(({ liveness }) => liveness === "live");
    return [...new Set(live.map(({ writer }) => writer))];
  }

  /**
   * Says that the server was away since the last pass: nobody could write anew, so what was held then is
   * held as long again.
   */
  holdOn(): void {
    for (const source of this.#sources.values()) {
      if (source.heldUntilMs > this.#lastMs) source.heldUntilMs = this.#now() + HOLD_MS;
    }
  }

  /**
   * Puts the replies of a pass into the sources.
   *
   * @param samples Those that the pass was asked for.
   */
  absorb(pass: Pass, samples: readonly PythonSample[]): Snapshot {
    const problems = [...pass.catalogue.problems];
    const before = this.#sources;
    const sources = this.#sources = new Map<string, RedisSource>();
    this.#hold(pass, before);
    const held = new Set<string>();
    const isHeld = ({ heldUntilMs, writer }: RedisSource): boolean =>
      heldUntilMs > this.#now() && pass.writers.get(writer)?.retired !== true;
    const begin = (source: RedisSource): RedisSource => {
      if (isHeld(source)) held.add(source.writer);
      source.begin(held.has(source.writer));
      sources.set(source.name, source);
      return source;
    };
    const use = (name: string, id: SourceId): RedisSource =>
      sources.get(name) ?? begin(before.get(name) ?? new RedisSource(name, id));
    this.#absorbFamilies(pass, use, problems);
    this.#absorbPython(pass, samples, use, problems);
    for (const source of before.values()) {
      if (!sources.has(source.name) && isHeld(source)) begin(source);
    }
    const livenessOf = (writer: string): Liveness => {
      if (held.has(writer) || pass.writers.get(writer)?.live) return "live";
      return pass.catalogue.writers.has(writer) ? "dead" : "unknown";
    };
    const writers = new Set(pass.catalogue.writers.keys());
    for (const source of sources.values()) {
      source.end();
      const { accumulator, writer } = source;
      if (accumulator) continue;
      writers.add(writer);
      source.liveness = livenessOf(writer);
      source.startTime = pass.catalogue.writers.get(writer) ?? source.startTime;
    }
    const counts: Record<Liveness, number> = { live: 0, dead: 0, unknown: 0 };
    for (const writer of writers) counts[livenessOf(writer)]++;
    const ordered = [...sources.values()].sort((a, b) => a.name < b.name ? -1 : 1);
    return { sources: ordered, writers: counts, problems };
  }

  /** Notices that data was lost, or is older than at the last pass. */
  #hold(pass: Pass, before: Map<string, RedisSource>): void {
    const last = this.#last;
    this.#last = pass;
    this.#lastMs = this.#now();
    if (last === undefined) return;
    const lost = last.epoch !== null && last.epoch !== pass.epoch;
    const isOlder = [...pass.writers].some(([writer, { retired, sequence }]) =>
      !retired && sequence < (last.writers.get(writer)?.sequence ?? 0)
    );
    if (!lost && !isOlder) return;
    for (const source of before.values()) {
      if (source.liveness === "live") source.heldUntilMs = this.#now() + HOLD_MS;
      // What comes next is not what was before: it must not be taken for the same source.
      else if (lost) before.delete(source.name);
    }
  }

  #absorbFamilies(
    pass: Pass,
    use: (name: string, id: SourceId) => RedisSource,
    problems: ReadProblem[],
  ): void {
    const known = new Map<string, FamilyMeta>();
    const starts = new Map<RedisSource, number>();
    for (const [i, family] of pass.catalogue.families.entries()) {
      const { text } = family;
      const read = pass.meta.get(text);
      const meta = read === undefined
        ? this.meta.get(text) as FamilyMeta
        : listOf(this.#keys.meta(text), read, problems);
      if (read === undefined || Array.isArray(read)) known.set(text, meta);
      const [version, start] = meta;
      // Without a version it was lost; what is there is still worth more than nothing.
      if (typeof version === "string" && version !== FORMAT_VERSION) {
        const message = `It has format version ${shown(version)}, expected "${FORMAT_VERSION}"`;
        problems.push({ source: this.#keys.data(text), message });
        continue;
      }
      const source = use(family.source, family);
      takeFields(source, this.#keys.data(text), pass.data[i], problems);
      if (!source.accumulator) continue;
      starts.set(source, Math.min(starts.get(source) ?? Infinity, Number(start) || Infinity));
    }
    for (const [source, start] of starts) source.startTime = start;
    this.meta = known;
  }

  #absorbPython(
    pass: Pass,
    samples: readonly PythonSample[],
    use: (name: string, id: SourceId) => RedisSource,
    problems: ReadProblem[],
  ): void {
    const own = new Set(pass.catalogue.families.map(({ text }) => text));
    for (const [i, { data, family, field, source, text }] of samples.entries()) {
      if (own.has(text)) continue;
      const [valueText, timeText] = listOf(data, pass.python[i], problems) as (string | null)[];
      if (valueText === null || valueText === undefined) continue; // gone since it was found
      const value = parsePythonNumber(valueText);
      const time = parsePythonNumber(timeText ?? "0");
      const problem = value === undefined || time === undefined
        ? `holds ${shown(value === undefined ? valueText : timeText as string)}, expected a number`
        : use(source, family).takeValue(field, value, time);
      if (problem !== undefined) problems.push({ source: data, message: `Its value ${problem}` });
    }
  }
}

/** Takes the fields of one family. */
function takeFields(
  source: RedisSource,
  key: string,
  reply: unknown,
  problems: ReadProblem[],
): void {
  const fields = listOf(key, reply, problems);
  let first: string | undefined;
  let count = 0;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i] as string;
    const problem = source.takeText(field, fields[i + 1] as string);
    if (problem === undefined) continue;
    first ??= `Field ${shown(field)} ${problem}`;
    count++;
  }
  if (first === undefined) return;
  const more = count === 1 ? "" : ` (and ${count - 1} more)`;
  problems.push({ source: key, message: first + more });
}
