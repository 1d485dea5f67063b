/**
 * The multiprocess modes of gauges: how the values of several writers become one result.
 * The first ten are those of Python's client; `average`, `first` and `omit` are prom-client's aggregators.
 *
 * @module
 */

/** How a gauge's values from several writers are brought together. */
export type GaugeMode =
  | "all"
  | "liveall"
  | "sum"
  | "livesum"
  | "min"
  | "livemin"
  | "max"
  | "livemax"
  | "mostrecent"
  | "livemostrecent"
  | "average"
  | "first"
  | "omit";

/** Every mode, in the order the documentation lists them. */
export const GAUGE_MODES: readonly GaugeMode[] = [
  "all",
  "liveall",
  "sum",
  "livesum",
  "min",
  "livemin",
  "max",
  "livemax",
  "mostrecent",
  "livemostrecent",
  "average",
  "first",
  "omit",
];

const MODES: ReadonlySet<string> = new Set(GAUGE_MODES);

/** Whether `text` names a mode. */
export function isGaugeMode(text: string): text is GaugeMode {
  return MODES.has(text);
}

/** Whether the mode looks at live writers only, so that a dead writer's value is dropped. */
export function isLiveMode(mode: GaugeMode): boolean {
  return mode.startsWith("live") || mode === "average" || mode === "first" || mode === "omit";
}

/** Whether the result has one series per writer, told apart by a `pid` label. */
export function addsPidLabel(mode: GaugeMode): boolean {
  return mode === "all" || mode === "liveall";
}

/** Whether the mode compares the times at which the values were set. */
export function isMostRecentMode(mode: GaugeMode): boolean {
  return mode === "mostrecent" || mode === "livemostrecent";
}

/**
 * The mode of a gauge, from what its user passed.
 *
 * @param multiprocessMode Decides when given.
 * @param aggregator prom-client's option, where the user passed one: live writers only.
 * @returns The mode; `"all"` when neither is given.
 */
export function resolveGaugeMode(
  multiprocessMode: GaugeMode | undefined,
  aggregator: string | undefined,
): GaugeMode {
  if (multiprocessMode !== undefined) return multiprocessMode;
  switch (aggregator) {
    case "sum":
      return "livesum";
    case "min":
      return "livemin";
    case "max":
      return "livemax";
    case "average":
    case "first":
    case "omit":
      return aggregator;
    default:
      return "all";
  }
}
