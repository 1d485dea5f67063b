/**
 * The series of one metric family of this writer: their slots on the heap, and a copy of what the
 * server has acknowledged, by which changes are found. 16 bytes a series, nothing allocated for one.
 *
 * @module
 */
import type { GaugeMode } from "../../core/modes.ts";
import type { Cell, MetricKind } from "../../core/storage.ts";
import { familyHash } from "./keys.ts";

/** The first chunk holds so many series, each further one twice as many, up to the largest size. */
const FIRST_CHUNK_SHIFT = 3;
const LARGEST_CHUNK_SHIFT = 9;
const GROWING_CHUNKS = LARGEST_CHUNK_SHIFT - FIRST_CHUNK_SHIFT;
const GROWING_SERIES = (1 << LARGEST_CHUNK_SHIFT) - (1 << FIRST_CHUNK_SHIFT);

/** How many 32-bit words a series takes: value and time. Bits are compared, as NaN has many. */
export const WORDS = 4;

/** Some series; slots come in pairs, value and time, and never move. */
class Chunk {
  readonly start: number;
  readonly values: Float64Array;
  readonly words: Uint32Array;
  readonly acknowledged: Float64Array;
  readonly acknowledgedWords: Uint32Array;

  constructor(start: number, size: number) {
    this.start = start;
    this.values = new Float64Array(size * 2);
    this.words = new Uint32Array(this.values.buffer);
    this.acknowledged = new Float64Array(size * 2);
    this.acknowledgedWords = new Uint32Array(this.acknowledged.buffer);
  }
}

/** Sees a series that changed: its place in the family, the array of its value and its slot there. */
export type SeeChange = (index: number, values: Float64Array, slot: number) => boolean;

/** The series of one family. */
export class FamilyCells {
  readonly kind: MetricKind;
  readonly mode: GaugeMode | undefined;
  /** The metric's name. */
  readonly name: string;
  /** The help text of the first series. */
  readonly help: string;
  /** The hash of the name, as data keys have it. */
  readonly hash: string;
  /** Whether its changes wait for other changes to be sent with. */
  readonly quiet: boolean;
  /** The sample keys, in order of creation: the fields of the hash. */
  readonly keys: string[] = [];
  /**
   * How many series the server holds, the first ones, with the acknowledged values. Series are sent in
   * their order, so that there are no gaps.
   */
  stored = 0;
  /** Whether the server knows the family. */
  introduced = false;
  readonly #chunks: Chunk[] = [];

  constructor(
    kind: MetricKind,
    mode: GaugeMode | undefined,
    name: string,
    help: string,
    quiet: boolean,
  ) {
    this.kind = kind;
    this.mode = mode;
    this.name = name;
    this.help = help;
    this.hash = familyHash(name);
    this.quiet = quiet;
  }

  /** Whether the values of retired writers are added up, so that nothing may be counted twice. */
  get addsUp(): boolean {
    return this.kind !== "gauge" || this.mode === "sum";
  }

  /** Makes the slot of a new series. */
  allocate(key: string): Cell {
    const index = this.keys.push(key) - 1;
    const place = chunkOf(index);
    if (place === this.#chunks.length) {
      const shift = Math.min(FIRST_CHUNK_SHIFT + place, LARGEST_CHUNK_SHIFT);
      this.#chunks.push(new Chunk(index, 1 << shift));
    }
    const { start, values } = this.#chunks[place] as Chunk;
    const slot = (index - start) * 2;
    return { values, index: slot, timestampIndex: slot + 1 };
  }

  /**
   * Shows the series, from one on, whose bits are not those acknowledged, until `see` gives false.
   *
   * @returns The series for which `see` gave false; the number of all series when it never did.
   */
  changes(from: number, see: SeeChange): number {
    const { stored } = this;
    const count = this.keys.length;
    for (let place = chunkOf(from); place < this.#chunks.length; place++) {
      const { start, values, words, acknowledgedWords } = this.#chunks[place] as Chunk;
      const end = Math.min(count, start + values.length / 2);
      for (let index = Math.max(from, start); index < end; index++) {
        const word = (index - start) * WORDS;
        if (
          index < stored && words[word] === acknowledgedWords[word] &&
          words[word + 1] === acknowledgedWords[word + 1] &&
          words[word + 2] === acknowledgedWords[word + 2] &&
          words[word + 3] === acknowledgedWords[word + 3]
        ) continue;
        if (!see(index, values, (index - start) * 2)) return index;
      }
    }
    return count;
  }

  /** Whether there is anything to send. */
  get hasChanges(): boolean {
    return this.changes(0, stop) < this.keys.length;
  }

  /** Copies the bits of a series. */
  copy(index: number, target: Uint32Array, at: number): void {
    const { start, words } = this.#chunks[chunkOf(index)] as Chunk;
    const word = (index - start) * WORDS;
    for (let i = 0; i < WORDS; i++) target[at + i] = words[word + i] as number;
  }

  /** Notes the bits of a series that the server holds. */
  acknowledge(index: number, source: Uint32Array, at: number): void {
    const { start, acknowledgedWords } = this.#chunks[chunkOf(index)] as Chunk;
    const word = (index - start) * WORDS;
    for (let i = 0; i < WORDS; i++) acknowledgedWords[word + i] = source[at + i] as number;
    if (index >= this.stored) this.stored = index + 1;
  }

  /** The value of a series that the server holds. */
  acknowledgedValue(index: number): number {
    const { start, acknowledged } = this.#chunks[chunkOf(index)] as Chunk;
    return acknowledged[(index - start) * 2] as number;
  }

  /** Forgets what the server holds: everything is sent anew. */
  forget(): void {
    this.stored = 0;
    this.introduced = false;
  }
}

function stop(): boolean {
  return false;
}

/** The chunk of a series. */
function chunkOf(index: number): number {
  if (index < GROWING_SERIES) return 31 - Math.clz32((index >> FIRST_CHUNK_SHIFT) + 1);
  return GROWING_CHUNKS + (index - GROWING_SERIES >> LARGEST_CHUNK_SHIFT);
}
