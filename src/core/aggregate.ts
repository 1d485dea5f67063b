/**
 * Brings the samples of all writers together: the rules of the multiprocess modes and exact totals.
 * A repeated aggregation reads the doubles and adds them.
 *
 * @module
 */
import { AggregationTable, type Conflict } from "./aggregation_table.ts";
import { ExactSums } from "./exact_sums.ts";
import type { Family } from "./family.ts";
import { addsUp, type SeriesState } from "./family_state.ts";
import { addEntries, pickEntries } from "./source_values.ts";
import type { ReadProblem, Snapshot } from "./storage.ts";

export type { Conflict } from "./aggregation_table.ts";

/** The result of an aggregation; families and series are valid until the next one. */
export interface Aggregation {
  /** All families with a series to print, ordered by name. */
  readonly families: readonly Family[];
  /** How many series they have. */
  readonly seriesCount: number;
  /** How often a total was kept from falling, since the aggregator was made. */
  readonly corrections: number;
  /** The disagreements of the present writers. */
  readonly conflicts: readonly Conflict[];
  /** How many different disagreements there were, since the aggregator was made. */
  readonly conflictCount: number;
  /** Entries that were left out because they cannot be used, one line for each source. */
  readonly problems: readonly ReadProblem[];
}

/** How an aggregator works. */
export interface AggregatorOptions {
  /**
   * Whether totals are kept from falling: a counter, `_bucket` or `_count` is never printed lower than
   * before while its sources stay or an accumulator holds what they had; a `_sum`, which negative
   * observations lower rightly, is not printed lower by mere rounding. Default true.
   */
  readonly guard?: boolean;
}

/** Aggregates one storage again and again. */
export interface Aggregator {
  /** Aggregates what a reader has read. What cannot be used is left out and named. */
  aggregate(snapshot: Snapshot): Aggregation;
  /**
   * Forgets what was printed before and which writer was right: for a new run, or a storage that was
   * emptied. The counts go on.
   */
  reset(): void;
}

/** A `_sum` that falls by less than this share of itself may have been rounded. */
const ROUNDING = 2 ** -50;

/**
 * Makes an aggregator. It keeps what it derives from the sources, which are told apart by identity: use
 * one for each reader, for as long as the reader lives.
 */
export function createAggregator(options: AggregatorOptions = {}): Aggregator {
  const guarded = options.guard ?? true;
  let table = new AggregationTable();
  let corrections = 0;
  let conflictsBefore = 0;
  const totals = {
    sums: new ExactSums(0),
    picks: new Float64Array(0),
    times: new Float64Array(0),
    absent: new Uint32Array(0),
    guard,
  };

  function guard(series: SeriesState, value: number): number {
    const { floor } = series;
    const falls = guarded && value < floor &&
      (series.role !== "sum" || floor - value <= Math.abs(floor) * ROUNDING);
    if (!falls) return series.floor = value;
    corrections++;
    return floor;
  }

  /** Makes room for `length` sums and empties them. */
  function clear(length: number): void {
    totals.sums.reset(length);
    if (length > totals.picks.length) {
      totals.picks = new Float64Array(length * 2);
      totals.times = new Float64Array(length * 2);
      totals.absent = new Uint32Array(length * 2);
    }
    totals.picks.fill(NaN, 0, length);
    totals.times.fill(0, 0, length);
    totals.absent.fill(0, 0, length);
  }

  return {
    aggregate(snapshot) {
      table.update(snapshot);
      clear(table.length);
      for (const plan of table.plans) {
        const { kind, mode } = plan.source;
        if (kind !== "gauge" || addsUp(mode)) addEntries(plan, totals);
        else pickEntries(plan, totals);
      }
      let seriesCount = 0;
      for (const family of table.families) {
        family.finish(totals);
        seriesCount += family.series.length;
      }
      return {
        families: table.families.filter((family) => family.series.length > 0),
        seriesCount,
        corrections,
        conflicts: table.conflicts,
        conflictCount: conflictsBefore + table.conflictCount,
        problems: table.problems,
      };
    },
    reset() {
      conflictsBefore += table.conflictCount;
      table = new AggregationTable();
    },
  };
}
