/**
 * What a writer knows of the server: which of its states is there, and what of earlier incarnations was
 * counted already.
 *
 * @module
 */
import type { FamilyCells } from "./family_cells.ts";
import { type Cursor, type Flight, FlightPacker } from "./flight.ts";
import { formatFamily, type RedisKeys, writerId } from "./keys.ts";
import { Contribution, type Predecessor, Predecessors } from "./predecessors.ts";
import type { StoredValues } from "./stored_values.ts";
import { readValueText } from "./value_text.ts";

/** Who writes. */
export interface WriterIdentity {
  readonly keys: RedisKeys;
  readonly pid: number;
  readonly host: string;
  readonly incarnation: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The state of a writer towards the server. */
export class FlushState {
  /** The families, in order of creation; the owner adds to them. */
  readonly families: FamilyCells[] = [];
  /** The writer's id: another one after it was retired. */
  writer: string;
  /** The script without an answer. */
  flight: Flight | undefined;
  /** The number of the script whose state the server holds; 0: nothing. */
  acknowledged = 0;
  /** When something was acknowledged last, in milliseconds since the epoch; 0 before. */
  acknowledgedAt = 0;
  /** The epoch of the data; empty before the first answer. */
  epoch = "";
  /** Whether the server knows the writer. */
  introduced = false;
  /** Families of earlier incarnations that nobody folds: to be removed. */
  leftovers: readonly string[] = [];
  readonly #identity: WriterIdentity;
  readonly #predecessors = new Predecessors();
  readonly #packer: FlightPacker;
  /** The number of the last script; none is used twice. */
  #last = 0;
  /** How many ids the writer has had. */
  #incarnations = 1;

  constructor(identity: WriterIdentity) {
    const { pid, host, incarnation, keys } = identity;
    this.#identity = identity;
    this.writer = writerId(pid, host, incarnation);
    this.#packer = new FlightPacker(keys, this.#predecessors);
  }

  /** The families the server knows, as texts. */
  get introducedFamilies(): string[] {
    return this.families.filter((cells) => cells.introduced)
      .map(({ kind, mode, hash }) => formatFamily({ kind, mode, writer: this.writer, hash }));
  }

  /**
   * The predecessors whose tombstones the next script checks. Whatever this incarnation wrote came
   * after them: where the server holds some of it, they were there.
   */
  get checkedPredecessors(): readonly Predecessor[] {
    return this.acknowledged === 0 ? this.#predecessors.checked : [];
  }

  /**
   * The script to send next: the one without an answer, else one with what changed from the cursor on.
   *
   * @param heartbeat Whether it may be empty.
   */
  nextFlight(cursor: Cursor, heartbeat: boolean): Flight | undefined {
    this.#predecessors.settle(this.#identity.now());
    if (this.flight !== undefined) return this.flight;
    // A script for any epoch has no values: coming late, after all data was lost, it would bring
    // old ones back.
    const isFirst = this.epoch === "";
    const families = isFirst ? [] : this.families;
    const flight = this.#packer.pack(families, cursor, this.#last + 1, this.writer);
    const wanted = heartbeat || flight.fields > 0 || isFirst && this.families.length > 0;
    if (!wanted) return undefined;
    this.#last++;
    return this.flight = flight;
  }

  /** The server holds what the script had. */
  acknowledge(flight: Flight, epoch: string): void {
    flight.acknowledge();
    this.flight = undefined;
    this.acknowledged = flight.sequence;
    this.epoch = epoch;
    this.introduced = true;
    this.acknowledgedAt = this.#identity.now();
  }

  /** The epoch alone was removed, while the server holds a later script: it is written over. */
  writeOver(sequence: number): void {
    this.#last = Math.max(this.#last, sequence);
    this.flight = undefined;
  }

  /** The data was lost: whatever was counted is gone, and everything is written again. */
  startAnew(): void {
    this.#predecessors.clear();
    this.leftovers = [];
    this.epoch = "";
    this.#forget();
  }

  /** The server holds older data of this incarnation, or none: goes on from there. */
  goBack({ sequence, texts }: StoredValues): void {
    this.#forget();
    this.acknowledged = sequence;
    const slots = new Float64Array(2);
    const words = new Uint32Array(slots.buffer);
    for (const [cells, stored] of texts) {
      for (const [index, key] of cells.keys.entries()) {
        const rest = readValueText(stored.get(key) ?? "", slots, 0);
        if (rest === undefined) break;
        if (cells.addsUp && !this.#predecessors.empty) {
          slots[0] = this.#predecessors.restore(cells, index, [slots[0] as number, ...rest]);
        }
        cells.acknowledge(index, words, 0);
        cells.introduced = true;
      }
    }
  }

  /**
   * The writer was retired: what the server held of it is its contribution to the accumulators.
   *
   * @param sequence The number of the last script that was counted.
   * @param tombstoneLifeMs How long its tombstone stays, in milliseconds.
   */
  goOn(sequence: number, tombstoneLifeMs: number): void {
    const { pid, host, incarnation, now } = this.#identity;
    const contribution = new Contribution();
    for (const cells of this.families) {
      for (let index = 0; cells.addsUp && index < cells.stored; index++) {
        const value = cells.acknowledgedValue(index);
        contribution.set(cells, index, this.#predecessors.difference(cells, index, value));
      }
    }
    this.#leaveBehind(this.writer);
    // Half of the tombstone's life, as clocks may be set.
    const checkedUntil = now() + tombstoneLifeMs / 2;
    this.#predecessors.push({ writer: this.writer, sequence, contribution, checkedUntil });
    this.#forget();
    this.writer = writerId(pid, host, `${incarnation}-${++this.#incarnations}`);
  }

  /** A predecessor was retired again, with what the server held of it. */
  adopt(predecessor: Predecessor, { sequence, texts }: StoredValues): void {
    predecessor.sequence = sequence;
    predecessor.contribution = contributionOf(texts);
    this.flight = undefined;
    this.#leaveBehind(predecessor.writer);
  }

  /** Nobody folds the gauges that each writer has for itself. */
  #leaveBehind(writer: string): void {
    const families = this.families.filter(({ mode }) => mode === "all" || mode === "liveall")
      .map(({ kind, mode, hash }) => formatFamily({ kind, mode, writer, hash }));
    this.leftovers = [...this.leftovers, ...families];
  }

  /** Nothing is known to be on the server. */
  #forget(): void {
    this.flight = undefined;
    this.acknowledged = 0;
    this.introduced = false;
    for (const cells of this.families) cells.forget();
  }
}

function contributionOf(
  texts: ReadonlyMap<FamilyCells, ReadonlyMap<string, string>>,
): Contribution {
  const contribution = new Contribution();
  const slots = new Float64Array(2);
  for (const [cells, stored] of texts) {
    for (const [index, key] of cells.keys.entries()) {
      const rest = readValueText(stored.get(key) ?? "", slots, 0);
      if (rest !== undefined) contribution.set(cells, index, [slots[0] as number, ...rest]);
    }
  }
  return contribution;
}
