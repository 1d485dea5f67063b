/**
 * What earlier incarnations of this writer left in the accumulators. A writer that was retired while
 * it lived goes on as another incarnation, which writes what was added since: the exact difference.
 *
 * @module
 */
import { ExactSum } from "../../core/exact_sum.ts";
import type { FamilyCells } from "./family_cells.ts";
import type { StoredValues } from "./stored_values.ts";

/** The exact amounts of some series, as doubles that add up to them. */
interface Amounts {
  /** The first double of each series, by its place; 0 where there is none. */
  readonly first: number[];
  /** Further ones: rare. */
  readonly rest: Map<number, readonly number[]>;
}

/** What one incarnation, or several, contributed to the totals. */
export class Contribution {
  readonly #families = new Map<FamilyCells, Amounts>();

  /** The families it has amounts of. */
  get families(): Iterable<FamilyCells> {
    return this.#families.keys();
  }

  /** Notes the amount of a series. */
  set(cells: FamilyCells, index: number, [first = 0, ...rest]: readonly number[]): void {
    let amounts = this.#families.get(cells);
    if (amounts === undefined) this.#families.set(cells, amounts = { first: [], rest: new Map() });
    while (amounts.first.length < index) amounts.first.push(0);
    amounts.first[index] = first;
    if (rest.length > 0) amounts.rest.set(index, rest);
    else amounts.rest.delete(index);
  }

  /** Shows the doubles of a series' amount. */
  each(cells: FamilyCells, index: number, see: (amount: number) => void): void {
    const amounts = this.#families.get(cells);
    if (amounts === undefined) return;
    see(amounts.first[index] ?? 0);
    amounts.rest.get(index)?.forEach(see);
  }

  /** Adds another contribution, exactly. */
  add(other: Contribution): void {
    const sum = new ExactSum();
    const add = (amount: number): void => sum.add(amount);
    for (const [cells, { first }] of other.#families) {
      for (let index = 0; index < first.length; index++) {
        sum.reset();
        this.each(cells, index, add);
        other.each(cells, index, add);
        this.set(cells, index, doublesOf(sum));
      }
    }
  }
}

/** An earlier incarnation of the writer. */
export interface Predecessor {
  /** Its id. */
  readonly writer: string;
  /** The number of its last script that was counted. */
  sequence: number;
  /** What it contributed. */
  contribution: Contribution;
  /** What was found of it when it turned out not to be retired any more. */
  found?: StoredValues | undefined;
  /** Until when its tombstone is expected to be there, in milliseconds since the epoch. */
  readonly checkedUntil: number;
}

/** So many are checked; of older ones the sum alone is kept. */
const MAX_CHECKED = 7;

/** All earlier incarnations of a writer. */
export class Predecessors {
  /** Those whose tombstones must be there, oldest first. */
  readonly checked: Predecessor[] = [];
  #settled = new Contribution();
  #any = false;
  readonly #sum = new ExactSum();
  #special = 0;

  /** Whether there are none: values are written as they are. */
  get empty(): boolean {
    return !this.#any;
  }

  /** Adds one. */
  push(predecessor: Predecessor): void {
    this.#any = true;
    this.checked.push(predecessor);
  }

  /** No longer checks those whose tombstone may be gone in order, nor too many. */
  settle(now: number): void {
    while (this.checked.length > 0) {
      const oldest = this.checked[0] as Predecessor;
      if (this.checked.length <= MAX_CHECKED && now < oldest.checkedUntil) return;
      this.#settled.add(oldest.contribution);
      this.checked.shift();
    }
  }

  /** Forgets all: their contributions are lost. */
  clear(): void {
    this.#any = false;
    this.checked.length = 0;
    this.#settled = new Contribution();
  }

  /**
   * What a series has had added since its predecessors, exactly: its value less their contributions.
   * Where they were infinite or NaN there is no difference: nothing more is added to the same, and
   * anything else is written as it is.
   *
   * @returns Doubles that add up to it, the rounded difference first.
   */
  difference(cells: FamilyCells, index: number, value: number): readonly number[] {
    this.#sum.reset();
    this.#special = 0;
    this.#sum.add(value);
    this.#each(cells, index, this.#subtract);
    if (this.#special !== 0) return Object.is(this.#special, value) ? [0] : [value];
    return doublesOf(this.#sum);
  }

  /** The value of a series of which a difference was written. */
  restore(cells: FamilyCells, index: number, difference: readonly number[]): number {
    const sum = new ExactSum();
    for (const double of difference) sum.add(double);
    this.#each(cells, index, (amount) => sum.add(amount));
    return sum.rounded();
  }

  readonly #subtract = (amount: number): void => {
    if (amount - amount === 0) this.#sum.add(-amount);
    else this.#special += amount;
  };

  #each(cells: FamilyCells, index: number, see: (amount: number) => void): void {
    this.#settled.each(cells, index, see);
    for (const { contribution } of this.checked) contribution.each(cells, index, see);
  }
}

function doublesOf(sum: ExactSum): readonly number[] {
  return [sum.rounded(), ...sum.components()];
}
