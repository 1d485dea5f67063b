/**
 * Totals that another library counts, in the store.
 *
 * @module
 */
import type { Cell } from "./storage.ts";

/** A total of one life of a series. The slot may be shared with other lives, and other metrics. */
export class CopiedTotal {
  /** The sample key of the slot. */
  readonly key: string;
  /** The slot. */
  private cell: Cell;
  /** What is counted here. */
  private last = 0;
  private readonly mayFall: boolean;
  /** The library's value when this one began to count. */
  private readonly start: number;
  /** What others put into the slot. */
  private others = 0;
  private written = 0;

  /**
   * A total that counts from a value on.
   *
   * @param key The sample key of the slot.
   * @param cell The slot.
   * @param mayFall Whether the total may go down: a sum of negative observations does.
   * @param start The library's value from which on is counted.
   */
  constructor(key: string, cell: Cell, mayFall: boolean, start: number) {
    this.key = key;
    this.cell = cell;
    this.mayFall = mayFall;
    this.start = start;
  }

  /** Notes the library's value. */
  copy(value: number): void {
    this.last = value - this.start;
    this.write();
  }

  /** The library's value when it was last noted. */
  get value(): number {
    return this.start + this.last;
  }

  /** What is left when the life is over: it goes along into another store, and copies nothing. */
  rest(former: CopiedTotal | undefined): CopiedTotal {
    const rest = new CopiedTotal(this.key, this.cell, true, 0);
    rest.last = this.last + (former?.last ?? 0);
    return rest;
  }

  /** What goes on counting in the same slot from here. */
  next(): CopiedTotal {
    return new CopiedTotal(this.key, this.cell, this.mayFall, this.value);
  }

  /** Goes on in another store's slot, with everything counted so far. */
  move(cell: Cell): void {
    if (cell === this.cell) return;
    this.cell = cell;
    this.others = 0;
    this.written = 0;
    this.write();
  }

  private write(): void {
    const { values, index } = this.cell;
    const before = values[index]!;
    this.others += before - this.written;
    // Assigned, not added: the slot of one life alone has the library's own bits.
    const sum = this.others + this.last;
    this.written = this.mayFall || !(sum < before) ? sum : before;
    values[index] = this.written;
  }
}
