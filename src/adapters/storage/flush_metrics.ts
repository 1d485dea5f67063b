/**
 * How the flushes of a process to Redis go, as metrics that are stored like all others.
 *
 * @module
 */
import { Counter } from "../../core/counter.ts";
import { Histogram } from "../../core/histogram.ts";
import { Registry } from "../../core/registry.ts";
import type { FlushOutcome } from "../../storage/redis/writer.ts";

/** What the names begin with. */
const PREFIX = "gpe_redis_flush";

const RESULTS: readonly FlushOutcome["result"][] = ["ok", "failed", "refused", "delayed"];

/** Bounds of the durations, in seconds. */
const BUCKETS: readonly number[] = [.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5];

/** Counts flushes. */
export interface FlushMetrics {
  /** One is over, or was due too early. */
  note(outcome: FlushOutcome): void;
}

/** Whether a metric is one of these: that one of them changed is no reason for a flush. */
export function isFlushMetric(metricName: string): boolean {
  return metricName.startsWith(PREFIX);
}

let shared: FlushMetrics | undefined;

/** The metrics of this process, made at the first call; in a registry of their own. */
export function flushMetrics(): FlushMetrics {
  return shared ??= createFlushMetrics();
}

function createFlushMetrics(): FlushMetrics {
  const registers = [new Registry()];
  const duration = new Histogram({
    name: `${PREFIX}_duration_seconds`,
    help: "How long flushes to Redis took, whatever came of them.",
    buckets: [...BUCKETS],
    registers,
  });
  const flushes = new Counter({
    name: `${PREFIX}es_total`,
    help: "Flushes to Redis by what came of them.",
    labelNames: ["result"],
    registers,
  });
  const bytes = new Counter({
    name: `${PREFIX}_bytes_total`,
    help: "Bytes of names and values sent to Redis.",
    registers,
  });
  const commands = new Counter({
    name: `${PREFIX}_commands_total`,
    help: "Commands sent to Redis by flushes; a script is one.",
    registers,
  });
  // There from the start: Prometheus sees no increase in a series that begins with its first event.
  for (const result of RESULTS) flushes.inc({ result }, 0);

  return {
    note(outcome) {
      flushes.inc({ result: outcome.result });
      if (outcome.result === "delayed") return;
      duration.observe(outcome.durationMs / 1000);
      bytes.inc(outcome.bytes);
      commands.inc(outcome.commands);
    },
  };
}
