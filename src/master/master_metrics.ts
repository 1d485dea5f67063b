/**
 * The metrics that a master writes about its workers and itself.
 *
 * @module
 */
import { Counter } from "../core/counter.ts";
import { Gauge } from "../core/gauge.ts";
import { Registry } from "../core/registry.ts";
import { type MasterObserver, workerId } from "./master.ts";
import { type EndReason, type EndType, WORKER_STATES } from "./worker_life.ts";

/** The signals a master may be sent, as the label `signal` names them. */
const MASTER_SIGNALS = [
  "hup",
  "int",
  "quit",
  "term",
  "usr1",
  "usr2",
  "ttin",
  "ttou",
  "chld",
  "winch",
] as const;

/** A signal as the label names it. */
export type MasterSignal = typeof MASTER_SIGNALS[number];

/**
 * Every way in which a worker is replaced. Their series exist from the start at 0: `rate()` and
 * `increase()` do not see an event that comes with the series' first sample.
 */
const RESTARTS: readonly (readonly [EndReason, EndType])[] = [
  ["exit", "graceful"],
  ["exit", "crash"],
  ["signal", "crash"],
  ["oom", "crash"],
  ["timeout", "graceful"],
  ["timeout", "forced"],
  ["max_requests", "graceful"],
  ["max_requests", "forced"],
  ["hup", "graceful"],
  ["hup", "forced"],
  ["ttou", "graceful"],
  ["ttou", "forced"],
  ["boot", "graceful"],
  ["boot", "crash"],
];

/** What the metrics are made with. */
export interface MasterMetricsOptions {
  /** What the names begin with, such as `"gunicorn"`. */
  readonly prefix: string;
  /** Whether the storage keeps times; without them no gauge can be `mostrecent`. */
  readonly storesTimestamps: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The metrics as an observer of the master. */
export interface MasterMetrics extends MasterObserver {
  /** The master was sent a signal. */
  signal(name: MasterSignal): void;
  /** Brings the uptime up to date. */
  tick(): void;
}

/** Makes the metrics, in a registry of their own; they are stored once the process's store is open. */
export function createMasterMetrics(options: MasterMetricsOptions): MasterMetrics {
  const { prefix, now } = options;
  const registers = [new Registry()];
  const newest = options.storesTimestamps ? "mostrecent" : "livemax";
  const startMs = now();

  const state = new Gauge({
    name: `${prefix}_worker_state`,
    help: "Number of workers of this place in the state: 1 for its current state, else 0.",
    labelNames: ["worker_id", "state"],
    registers,
    // Several masters may share a storage: each has a worker_1, and all of them have workers.
    multiprocessMode: "livesum",
  });
  const stateTime = new Gauge({
    name: `${prefix}_worker_state_timestamp_seconds`,
    help: "When the worker last entered the state, in seconds since 1970.",
    labelNames: ["worker_id", "state"],
    registers,
    multiprocessMode: newest,
  });
  const pool = new Gauge({
    name: `${prefix}_workers`,
    help: "Number of workers by state.",
    labelNames: ["state"],
    registers,
    multiprocessMode: "livesum",
  });
  const restarts = new Counter({
    name: `${prefix}_worker_restart_total`,
    help: "Replaced workers by the reason of their end.",
    labelNames: ["worker_id", "reason"],
    registers,
  });
  const typedRestarts = new Counter({
    name: `${prefix}_worker_restart_count_total`,
    help: "Replaced workers by the reason and the manner of their end.",
    labelNames: ["worker_id", "reason", "restart_type"],
    registers,
  });
  const masterRestarts = new Counter({
    name: `${prefix}_master_worker_restarts_total`,
    help: "Workers that the master replaced, by the reason of their end.",
    labelNames: ["reason"],
    registers,
  });
  const masterTypedRestarts = new Counter({
    name: `${prefix}_master_worker_restart_count_total`,
    help: "Workers that the master replaced, by worker, reason and manner of their end.",
    labelNames: ["worker_id", "reason", "restart_type"],
    registers,
  });
  const signals = new Counter({
    name: `${prefix}_master_signals_total`,
    help: "Signals the master was sent; chld counts ended workers.",
    labelNames: ["signal"],
    registers,
  });
  const uptime = new Gauge({
    name: `${prefix}_master_uptime_seconds`,
    help: "How long the master, of several the oldest, has been running.",
    registers,
    multiprocessMode: "livemax",
  });
  const startTime = new Gauge({
    name: `${prefix}_master_start_time_seconds`,
    help: "When the master, of several the oldest, was started, in seconds since 1970.",
    registers,
    multiprocessMode: "livemin",
  });

  function countRestart(slot: number, reason: EndReason, type: EndType, by: number): void {
    const worker_id = workerId(slot);
    restarts.inc({ worker_id, reason }, by);
    typedRestarts.inc({ worker_id, reason, restart_type: type }, by);
    masterRestarts.inc({ reason }, by);
    masterTypedRestarts.inc({ worker_id, reason, restart_type: type }, by);
  }

  for (const signal of MASTER_SIGNALS) signals.inc({ signal }, 0);
  startTime.set(startMs / 1000);
  uptime.set(0);

  return {
    opened(slot) {
      for (const [reason, type] of RESTARTS) countRestart(slot, reason, type, 0);
    },
    state(slot, entered) {
      const worker_id = workerId(slot);
      for (const name of WORKER_STATES) {
        state.set({ worker_id, state: name }, name === entered ? 1 : 0);
      }
      stateTime.set({ worker_id, state: entered }, now() / 1000);
    },
    pool(counts) {
      for (const name of WORKER_STATES) pool.set({ state: name }, counts[name]);
    },
    ended() {
      signals.inc({ signal: "chld" });
    },
    restarted(slot, reason, type) {
      countRestart(slot, reason, type, 1);
    },
    signal(name) {
      signals.inc({ signal: name });
    },
    tick() {
      uptime.set((now() - startMs) / 1000);
    },
  };
}
