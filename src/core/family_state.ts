/**
 * The families of an aggregation, kept from scrape to scrape: series, their order and their text are
 * made once; a scrape only fills in values.
 *
 * @module
 */
import { ExactSum } from "./exact_sum.ts";
import type { ExactSums } from "./exact_sums.ts";
import type { Family } from "./family.ts";
import { goFloat } from "./go_float.ts";
import type { GaugeMode } from "./modes.ts";
import type { Sample, SampleRole } from "./sample.ts";
import { compareCodePoints } from "./sample_key.ts";
import { labelsText, seriesPrefix } from "./series_text.ts";
import type { MetricKind } from "./storage.ts";

type Labels = readonly (readonly [name: string, value: string])[];

/** One printed series, and the place of its sum in the aggregation. */
export class SeriesState {
  readonly name: string;
  readonly labels: Labels;
  readonly prefix: string;
  value = 0;
  readonly family: FamilyState;
  readonly role: SampleRole;
  /** The bound of a bucket, otherwise 0. */
  readonly le: number;
  /** The histogram with these labels, for series of a histogram. */
  readonly histogram: HistogramState | undefined;
  /** The generation of the table in which the series has entries. */
  generation = -1;
  /** The index of its sum in that generation; -1 when the family is left out. */
  index = -1;
  /** How many stored entries make it up in that generation. */
  entries = 0;
  /** What was printed last, which a total never falls below; `-Infinity` for no limit. */
  floor = -Infinity;

  constructor(
    family: FamilyState,
    name: string,
    labels: Labels,
    role: SampleRole,
    le: number,
    histogram: HistogramState | undefined,
  ) {
    this.family = family;
    this.name = name;
    this.labels = labels;
    this.prefix = seriesPrefix(name, labels);
    this.role = role;
    this.le = le;
    this.histogram = histogram;
  }
}

/** The series of a histogram that share their labels. */
export class HistogramState {
  /** The labels as text: what tells it from the others, and its place in the order. */
  readonly text: string;
  /** The count; the sum stored for it, which foreign writers may have, counts where buckets are missing. */
  readonly count: SeriesState;
  /** Always printed, with the count as its value: parsers refuse a histogram without it. */
  readonly infinite: SeriesState;
  /** The buckets of this generation, by bound; the last one is `infinite`. */
  buckets: SeriesState[] = [];
  /** The sum, where one is stored in this generation. */
  sum: SeriesState | undefined;

  constructor(family: FamilyState, labels: Labels, text: string) {
    this.text = text;
    this.count = new SeriesState(family, `${family.name}_count`, labels, "count", 0, this);
    this.infinite = bucketSeries(family, labels, Infinity, this);
  }
}

function bucketSeries(
  family: FamilyState,
  labels: Labels,
  le: number,
  histogram: HistogramState,
): SeriesState {
  const name = `${family.name}_bucket`;
  return new SeriesState(
    family,
    name,
    withLabel(labels, "le", goFloat(le)),
    "bucket",
    le,
    histogram,
  );
}

function withLabel(labels: Labels, name: string, value: string): Labels {
  const result = [...labels, [name, value] as const];
  return result.sort((a, b) => compareCodePoints(a[0], b[0]));
}

/** What {@linkcode FamilyState.finish} reads and counts. */
export interface Results {
  /** Exact sums, by series index. */
  readonly sums: ExactSums;
  /** Picked values, by series index: of modes that do not add up. */
  readonly picks: Float64Array;
  /** How many entries of a series are absent. */
  readonly absent: Uint32Array;
  /** Keeps a total from falling below what was printed before. */
  guard(series: SeriesState, value: number): number;
}

/** One metric of one type and mode. */
export class FamilyState implements Family {
  readonly name: string;
  readonly kind: MetricKind;
  readonly mode: GaugeMode | undefined;
  readonly help: string;
  /** The name it has first of all: a counter's sample name, otherwise the metric name. */
  readonly claimedName: string;
  /** Why it is left out; undefined when it is printed. */
  readonly rejected: string | undefined;
  /** That writers disagree about the help text, where they do. */
  helpConflict = false;
  /** The series to print, as of the last {@linkcode FamilyState.finish}. */
  series: readonly SeriesState[] = [];
  /** The generation of the table in which the family has entries. */
  generation = -1;
  /** The series with entries in that generation. */
  readonly #live: SeriesState[] = [];
  readonly #known = new Map<string, SeriesState>();
  readonly #histograms = new Map<string, HistogramState>();
  #ordered: SeriesState[] = [];
  #orderedHistograms: HistogramState[] = [];
  #dirty = false;
  #accumulated = new ExactSum();

  constructor(
    kind: MetricKind,
    mode: GaugeMode | undefined,
    sample: Sample,
    claimedName: string,
    rejected: string | undefined,
  ) {
    this.kind = kind;
    this.mode = mode;
    this.name = sample.family;
    this.help = sample.help;
    this.claimedName = claimedName;
    this.rejected = rejected;
  }

  /** The series of a sample; the same one for the same labels. */
  seriesOf(sample: Sample, pid: string | undefined): SeriesState {
    const labels = pid === undefined ? sample.labels : withLabel(sample.labels, "pid", pid);
    if (this.kind === "histogram") return this.#histogramSeries(sample, labels);
    const id = `${sample.name}{${labelsText(labels)}`;
    let series = this.#known.get(id);
    if (series === undefined) {
      series = new SeriesState(this, sample.name, labels, sample.role, 0, undefined);
      this.#known.set(id, series);
    }
    return series;
  }

  #histogramSeries(sample: Sample, labels: Labels): SeriesState {
    const text = labelsText(labels);
    let histogram = this.#histograms.get(text);
    if (histogram === undefined) {
      this.#histograms.set(text, histogram = new HistogramState(this, labels, text));
    }
    if (sample.role === "count") return histogram.count;
    if (sample.le === Infinity) return histogram.infinite;
    const id = `${sample.role} ${sample.le} ${text}`;
    let series = this.#known.get(id);
    if (series === undefined) {
      series = sample.role === "bucket"
        ? bucketSeries(this, labels, sample.le, histogram)
        : new SeriesState(this, sample.name, labels, sample.role, 0, histogram);
      this.#known.set(id, series);
    }
    return series;
  }

  /** Begins a generation: no series has entries. */
  begin(generation: number): void {
    this.generation = generation;
    this.#live.length = 0;
    this.#dirty = true;
  }

  /** Puts a series into the generation. */
  place(series: SeriesState): void {
    this.#live.push(series);
    this.#dirty = true;
  }

  /** Forgets the series that have no entries in this generation. */
  prune(generation: number): void {
    for (const [id, series] of this.#known) {
      if (series.generation !== generation) this.#known.delete(id);
    }
    const used = new Set(this.generation === generation ? this.#live.map((s) => s.histogram) : []);
    for (const [text, histogram] of this.#histograms) {
      if (!used.has(histogram)) this.#histograms.delete(text);
    }
  }

  /** Puts the values into the series and selects those that are printed. */
  finish(results: Results): void {
    if (this.#dirty) this.#arrange();
    this.series = this.kind === "histogram"
      ? this.#finishHistograms(results)
      : this.#finishSeries(results);
  }

  #arrange(): void {
    this.#dirty = false;
    if (this.kind === "histogram") {
      this.#arrangeHistograms();
      this.#ordered = this.#orderedHistograms.flatMap((histogram) => [
        ...histogram.buckets,
        ...(histogram.sum === undefined ? [] : [histogram.sum]),
        histogram.count,
      ]);
    } else {
      this.#ordered = this.#live.slice().sort((a, b) => a.prefix < b.prefix ? -1 : 1);
    }
  }

  #arrangeHistograms(): void {
    const histograms = new Set<HistogramState>();
    for (const { histogram } of this.#live) {
      if (histogram === undefined || histograms.has(histogram)) continue;
      histograms.add(histogram);
      histogram.buckets = [];
      histogram.sum = undefined;
    }
    for (const series of this.#live) {
      const histogram = series.histogram as HistogramState;
      if (series.role === "sum") histogram.sum = series;
      if (series.role === "bucket" && series !== histogram.infinite) histogram.buckets.push(series);
    }
    for (const histogram of histograms) {
      histogram.buckets.sort((a, b) => a.le - b.le).push(histogram.infinite);
    }
    this.#orderedHistograms = [...histograms].sort((a, b) => a.text < b.text ? -1 : 1);
  }

  #finishSeries(results: Results): readonly SeriesState[] {
    let missing = false;
    const adds = this.kind !== "gauge" || addsUp(this.mode);
    for (const series of this.#ordered) {
      const absent = results.absent[series.index] as number;
      if (absent === series.entries) {
        missing = true;
      } else if (!adds) {
        series.value = results.picks[series.index] as number;
      } else {
        const sum = results.sums.rounded(series.index);
        if (this.kind !== "gauge") series.value = results.guard(series, sum);
        else series.value = this.mode === "average" ? sum / (series.entries - absent) : sum;
      }
    }
    if (!missing) return this.#ordered;
    return this.#ordered.filter((series) =>
      series.entries > (results.absent[series.index] as number)
    );
  }

  #finishHistograms(results: Results): readonly SeriesState[] {
    const missing = new Set<SeriesState>();
    for (const histogram of this.#orderedHistograms) {
      this.#finishHistogram(histogram, results, missing);
    }
    if (missing.size === 0) return this.#ordered;
    return this.#ordered.filter((series) => !missing.has(series));
  }

  /** Buckets are stored each for itself and printed accumulated, as Python's collector does. */
  #finishHistogram(histogram: HistogramState, results: Results, missing: Set<SeriesState>): void {
    const accumulated = this.#accumulated;
    const { count, infinite, sum } = histogram;
    const isStored = (series: SeriesState): boolean =>
      series.generation === this.generation &&
      series.entries > (results.absent[series.index] as number);
    accumulated.reset();
    const hasBuckets = histogram.buckets.some(isStored);
    const hasSum = sum !== undefined && isStored(sum);
    if (!hasBuckets && isStored(count)) results.sums.addTo(accumulated, count.index);
    for (const series of histogram.buckets) {
      const stored = isStored(series);
      if (stored) results.sums.addTo(accumulated, series.index);
      if (stored || series === infinite) {
        series.value = results.guard(series, accumulated.rounded());
      } else {
        missing.add(series);
      }
    }
    count.value = infinite.value;
    if (sum !== undefined && hasSum) {
      sum.value = results.guard(sum, results.sums.rounded(sum.index));
    }
    if (sum !== undefined && !hasSum) missing.add(sum);
    if (!hasBuckets && !hasSum && !isStored(count)) missing.add(infinite).add(count);
  }
}

/** Whether a mode's result is made from an exact sum. */
export function addsUp(mode: GaugeMode | undefined): boolean {
  return mode === "sum" || mode === "livesum" || mode === "average";
}
