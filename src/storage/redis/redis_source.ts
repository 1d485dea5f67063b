/**
 * What a reader keeps of one writer's samples of one type: several hashes of the server, one for each
 * metric family, become one source.
 *
 * @module
 */
import type { Liveness, SampleSource } from "../../core/storage.ts";
import { type FamilyKey, RETIRED_WRITER } from "./keys.ts";
import { readValueText } from "./value_text.ts";

/** Longer ones are no sample keys of ours, but would cost memory in everything that looks at them. */
const MAX_FIELD_LENGTH = 512 * 1024;

/** Longest part of a hostile text that is shown. */
const SHOWN_LENGTH = 80;

const FIRST_CAPACITY = 16;

/** Who a source is of. */
export type SourceId = Omit<FamilyKey, "hash">;

/** The samples of one writer of one type. The same object from read to read. */
export class RedisSource implements SampleSource {
  readonly name: string;
  readonly writer: string;
  readonly kind: SampleSource["kind"];
  readonly mode: SampleSource["mode"];
  readonly accumulator: boolean;
  readonly hasTimestamps = true;
  liveness: Liveness = "unknown";
  startTime = Infinity;
  readonly keys: string[] = [];
  revision = 0;
  values: Float64Array = new Float64Array(FIRST_CAPACITY * 2);
  slots: Uint32Array = slotsFor(FIRST_CAPACITY);
  readonly #entries = new Map<string, number>();
  readonly #components = new Map<number, readonly number[]>();
  /** The number of the read that saw an entry last, by entry. */
  #seen: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  #read = 0;
  #seenCount = 0;
  #held = false;
  /** Until when the source is held; in milliseconds of the reader's clock. */
  heldUntilMs = -Infinity;

  constructor(name: string, { writer, kind, mode }: SourceId) {
    this.name = name;
    this.writer = writer;
    this.kind = kind;
    this.mode = mode;
    this.accumulator = writer === RETIRED_WRITER;
  }

  get components(): ReadonlyMap<number, readonly number[]> | undefined {
    return this.#components.size === 0 ? undefined : this.#components;
  }

  /**
   * Begins a read: nothing is there yet.
   *
   * @param held Whether older data may be in the storage, or nothing, for the writer to write anew: then
   * entries that are not there stay, and totals do not fall.
   */
  begin(held: boolean): void {
    this.#read++;
    this.#seenCount = 0;
    this.#held = held;
    if (!held) this.#components.clear();
  }

  /**
   * Takes what is stored in a field.
   *
   * @returns Why it cannot be used; `undefined` when it can.
   */
  takeText(field: string, text: string): string | undefined {
    const entry = this.#entryOf(field);
    if (typeof entry === "string") return entry;
    const { values } = this;
    const slot = entry * 2;
    const before = entry < this.keys.length ? values[slot] as number : -Infinity;
    const rest = readValueText(text, values, slot);
    if (rest === undefined) return `holds ${shown(text)}, expected a value`;
    this.#see(entry, field);
    if (this.#held && this.kind !== "gauge" && before > (values[slot] as number)) {
      values[slot] = before;
    } else if (rest.length > 0) {
      this.#components.set(entry, rest);
    } else if (this.#held) {
      this.#components.delete(entry);
    }
    return undefined;
  }

  /** As {@linkcode RedisSource.takeText}, for a value and its time in seconds. */
  takeValue(field: string, value: number, time: number): string | undefined {
    const entry = this.#entryOf(field);
    if (typeof entry === "string") return entry;
    this.values[entry * 2] = value;
    this.values[entry * 2 + 1] = time;
    this.#see(entry, field);
    return undefined;
  }

  /** Ends a read: what was not there is dropped. */
  end(): void {
    if (!this.#held && this.#seenCount < this.keys.length) this.#dropUnseen();
  }

  /** The entry of a field, for one that is new the next one; or why it cannot be used. */
  #entryOf(field: string): number | string {
    const known = this.#entries.get(field);
    if (known !== undefined) {
      return this.#seen[known] === this.#read ? "is there twice, expected one family" : known;
    }
    if (field.length > MAX_FIELD_LENGTH) return `has ${field.length} characters`;
    // What is not UTF-8 was decoded to this; two different fields may look the same.
    if (field.includes("\ufffd")) return "is not UTF-8";
    const entry = this.keys.length;
    if (entry === this.slots.length) this.#grow();
    return entry;
  }

  #see(entry: number, field: string): void {
    if (entry === this.keys.length) {
      this.keys.push(field);
      this.#entries.set(field, entry);
    }
    this.#seen[entry] = this.#read;
    this.#seenCount++;
  }

  #grow(): void {
    const capacity = this.slots.length * 2;
    const values = new Float64Array(capacity * 2);
    values.set(this.values);
    this.values = values;
    const seen = new Uint32Array(capacity);
    seen.set(this.#seen);
    this.#seen = seen;
    this.slots = slotsFor(capacity);
  }

  #dropUnseen(): void {
    const components = new Map(this.#components);
    this.#components.clear();
    let kept = 0;
    for (const [entry, key] of this.keys.entries()) {
      if (this.#seen[entry] !== this.#read) {
        this.#entries.delete(key);
        continue;
      }
      this.keys[kept] = key;
      this.#entries.set(key, kept);
      this.#seen[kept] = this.#read;
      // Not through a variable: the mark of a removed series could get lost.
      this.values.copyWithin(kept * 2, entry * 2, entry * 2 + 2);
      const rest = components.get(entry);
      if (rest !== undefined) this.#components.set(kept, rest);
      kept++;
    }
    this.keys.length = kept;
    this.revision++;
  }
}

/** A text of others, cut and quoted for a message. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text);
}

function slotsFor(capacity: number): Uint32Array {
  return Uint32Array.from({ length: capacity }, (_, entry) => entry * 2);
}
