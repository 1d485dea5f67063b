/** Snapshots made by hand, for tests of what is derived from them. */
import type { Aggregation } from "../../src/core/aggregate.ts";
import type { GaugeMode } from "../../src/core/modes.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import type { MetricKind, SampleSource, Snapshot } from "../../src/core/storage.ts";

/** A sample: its key, its value and, for gauges, the time it was set. */
export type Entry = readonly [key: string, value: number, time?: number];

/** What a source may say about itself beside its entries. */
export type SourceFields = Partial<
  Pick<SampleSource, "liveness" | "startTime" | "accumulator" | "components" | "hasTimestamps">
>;

/** A source whose fields a test may change, as a reader does between two reads. */
export type TestSource = { -readonly [Name in keyof SampleSource]: SampleSource[Name] };

/** A sample key; the sample is named as the metric unless a name is given. */
export function keyOf(
  metric: string,
  labels: Readonly<Record<string, string>> = {},
  sample = metric,
  help = "Help",
): string {
  return encodeSampleKey(metric, sample, labels, help);
}

/** The source of one writer. `type` is `"counter"`, `"gauge_livesum"` …, as files are named. */
export function sourceOf(
  writer: string,
  type: string,
  entries: readonly Entry[],
  fields: SourceFields = {},
): TestSource {
  const [kind, mode] = type.split("_") as [MetricKind, GaugeMode | undefined];
  const source: TestSource = {
    name: `${type}_${writer}`,
    writer,
    kind,
    mode,
    liveness: "live",
    startTime: Infinity,
    accumulator: false,
    keys: [],
    revision: 0,
    values: new Float64Array(0),
    slots: new Uint32Array(0),
    hasTimestamps: true,
    components: undefined,
    ...fields,
  };
  setEntries(source, entries);
  return source;
}

/** Gives a source other entries; the keys have to extend those it had. */
export function setEntries(source: TestSource, entries: readonly Entry[]): void {
  source.keys = entries.map(([key]) => key);
  source.values = Float64Array.from(entries.flatMap(([, value, time]) => [value, time ?? 0]));
  source.slots = Uint32Array.from(entries, (_, i) => i * 2);
}

/** A snapshot of sources, ordered by name as readers do. */
export function snapshotOf(...sources: readonly SampleSource[]): Snapshot {
  const sorted = [...sources].sort((a, b) => a.name < b.name ? -1 : 1);
  return { sources: sorted, writers: { live: 0, dead: 0, unknown: 0 }, problems: [] };
}

/** The printed values by series (`name{label="value"}`), in their order. */
export function printed({ families }: Aggregation): Record<string, number> {
  const series = families.flatMap((family) => family.series);
  return Object.fromEntries(series.map(({ prefix, value }) => [prefix.trimEnd(), value]));
}
