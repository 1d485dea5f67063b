/**
 * What the endpoint tells about itself on each page. These values are made at scrape time and never
 * stored, so an exporter beside a directory tells about itself and not about its writers.
 *
 * @module
 */
import type { Conflict } from "../core/aggregate.ts";
import { type Family, makeFamily } from "../core/family.ts";
import type { Log } from "../core/log.ts";
import type { ReadProblem, Snapshot } from "../core/storage.ts";
import type { DirectoryStats } from "../storage/filesystem/directory.ts";

/** What one scrape found out. */
export interface ScrapeFacts {
  /** Time to read and aggregate. */
  readonly durationSeconds: number;
  /** Writers by liveness. */
  readonly writers: Snapshot["writers"];
  /** Number of series from the writers. */
  readonly seriesCount: number;
  /** How often a total was held at its former value, since the start. */
  readonly corrections: number;
  /** How many disagreements between writers there were, since the start. */
  readonly conflictCount: number;
  /** The directory, where there is one. */
  readonly directory: DirectoryStats | undefined;
  /** Redis, where it is the storage. */
  readonly redis: RedisStats | undefined;
}

/** How it goes with Redis. */
export interface RedisStats {
  /** Whether the last read worked. */
  readonly connected: boolean;
  /** Whether the last flush of this process was taken; `undefined` when it writes nothing. */
  readonly flushing: boolean | undefined;
}

/** What the self-metrics need to know. */
export interface SelfMetricsOptions {
  /** Prefix of the sidecar metrics. */
  readonly metricPrefix: string;
  /** Version of the package. */
  readonly version: string;
  /** Name and version of the runtime. */
  readonly runtime: string;
  /** The sources of errors that are counted from the start. */
  readonly sources: readonly string[];
  /** Receives each problem once while it lasts. */
  readonly log: Log;
  /** Whether the log has a problem already. */
  readonly isLogged: (message: string) => boolean;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
}

/** Keeps what the self-metrics count. */
export interface SelfMetrics {
  /** Counts and logs the problems that were not there at the scrape before, logs such conflicts. */
  note(problems: readonly ReadProblem[], conflicts: readonly Conflict[]): void;
  /** The families of this page. */
  families(facts: ScrapeFacts): Family[];
}

/** Names of damaged files keep coming in a long life; their series must not. */
const MAX_SOURCES = 100;
const OTHER_SOURCES = "__other__";

/** Starts counting. */
export function createSelfMetrics(options: SelfMetricsOptions): SelfMetrics {
  const { metricPrefix, version, runtime, sources, log, isLogged, now } = options;
  const startedMs = now();
  // There from the start, so that the first error is an increase and not a new series.
  const errors = new Map(sources.map((source) => [source, 0]));
  let lasting = new Set<string>();

  const gauge = (name: string, help: string, value: number): Family =>
    makeFamily(name, "gauge", help, [[{}, value]]);
  const sidecar = (name: string, help: string, value: number): Family =>
    gauge(`${metricPrefix}_sidecar_${name}`, help, value);

  return {
    note(problems, conflicts) {
      const current = new Set<string>();
      const isNew = (identity: string): boolean => {
        const fresh = !lasting.has(identity) && !current.has(identity);
        current.add(identity);
        return fresh;
      };
      for (const { source, message } of problems) {
        if (!isNew(JSON.stringify([source, message]))) continue;
        const label = errors.has(source) || errors.size < MAX_SOURCES ? source : OTHER_SOURCES;
        errors.set(label, (errors.get(label) ?? 0) + 1);
        if (!isLogged(message)) log.warn(message, { source });
      }
      for (const { name, message } of conflicts) {
        if (isNew(JSON.stringify([name, message, "conflict"]))) log.warn(message, { metric: name });
      }
      lasting = current;
    },
    families(facts) {
      const families = [
        sidecar(
          "uptime_seconds",
          "Time since the metrics endpoint started",
          (now() - startedMs) / 1000,
        ),
        gauge(
          "gpe_scrape_duration_seconds",
          "Time to read and aggregate all writers for this page",
          facts.durationSeconds,
        ),
        gauge("gpe_series", "Series of all writers on this page", facts.seriesCount),
        makeFamily(
          "gpe_writers",
          "gauge",
          "Writers in the storage",
          Object.entries(facts.writers).map(([state, value]) => [{ state }, value]),
        ),
        makeFamily(
          "gpe_scrape_errors_total",
          "counter",
          "Sources that were found unreadable or damaged; the rest was served",
          [...errors].map(([source, value]) => [{ source }, value]),
        ),
        makeFamily(
          "gpe_scrape_corrections_total",
          "counter",
          "Totals that were held at their former value because they would have gone down",
          [[{}, facts.corrections]],
        ),
        makeFamily(
          "gpe_scrape_conflicts_total",
          "counter",
          "Disagreements between writers about a metric's type, mode or help",
          [[{}, facts.conflictCount]],
        ),
        makeFamily("gpe_build_info", "gauge", "Version of this program and of its runtime", [
          [{ version, runtime }, 1],
        ]),
      ];
      if (facts.directory !== undefined) {
        const { files, bytes } = facts.directory;
        families.push(
          sidecar("multiproc_files", "Metric files in the directory", files),
          sidecar("multiproc_dir_size_bytes", "Size of the metric files", bytes),
        );
      }
      if (facts.redis !== undefined) {
        const { connected, flushing } = facts.redis;
        families.push(
          sidecar(
            "redis_connected",
            "Whether Redis could be read for this page",
            Number(connected),
          ),
        );
        if (flushing !== undefined) {
          const help = "Whether Redis took the last values of the process that makes this page";
          families.push(gauge("gpe_redis_flushing", help, Number(flushing)));
        }
      }
      return families;
    },
  };
}
