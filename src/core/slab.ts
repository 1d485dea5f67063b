/**
 * Heap memory for values: many slots in few arrays.
 *
 * @module
 */
import type { Cell } from "./storage.ts";

/** A place for what nobody stores: a value without a store is written here, so that no update asks. */
export const UNSTORED: Cell = { values: new Float64Array(1), index: 0, timestampIndex: -1 };

const LARGEST = 1024;

/** Hands out slots that hold 0. They are never given back. */
export class Slab {
  private values = new Float64Array(1);
  private used = 0;

  /** The next slot. */
  next(): Cell {
    if (this.used === this.values.length) {
      this.values = new Float64Array(Math.min(this.values.length * 4, LARGEST));
      this.used = 0;
    }
    return { values: this.values, index: this.used++, timestampIndex: -1 };
  }
}
