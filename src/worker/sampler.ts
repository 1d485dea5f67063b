/**
 * Samples what belongs to the worker rather than to a request, by one timer.
 *
 * @module
 */
import type { WorkerMetrics } from "./worker_metrics.ts";

/** What the sampler needs of the runtime. */
export interface SamplerPrimitives {
  /** Monotonic time in milliseconds. */
  now(): number;
  /** Resident memory of the process, in bytes. */
  memoryBytes(): number;
  /** Processor time the process has used, in seconds. */
  cpuSeconds(): number;
  /** A repeated call that does not keep the process alive. Returns what ends it. */
  setInterval(callback: () => void, periodMs: number): () => void;
}

/** How often the timer fires: a delay of the event loop longer than this is always seen. */
const TICK_MS = 100;
/** How often the gauges are set: each tenth tick, or the first after a delay. */
const SAMPLE_MS = 1000;

/**
 * Sets the gauges of the worker once a second: memory, processor time since the last sample, time
 * since the start, and the longest delay of the timer since the last sample.
 *
 * @returns A function that ends it.
 */
export function startSampler(
  metrics: Pick<WorkerMetrics, "memory" | "cpu" | "uptime" | "eventLoopLag">,
  primitives: SamplerPrimitives,
): () => void {
  const started = primitives.now();
  let ticked = started;
  let sampled = started;
  let cpu = primitives.cpuSeconds();
  let lagMs = 0;

  const sample = (now: number) => {
    const used = primitives.cpuSeconds();
    const seconds = (now - sampled) / 1000;
    metrics.memory.set(primitives.memoryBytes());
    metrics.uptime.set((now - started) / 1000);
    metrics.eventLoopLag.set(lagMs / 1000);
    if (seconds > 0) metrics.cpu.set((used - cpu) / seconds * 100);
    cpu = used;
    sampled = now;
    lagMs = 0;
  };
  sample(started);
  metrics.cpu.set(0);
  return primitives.setInterval(() => {
    const now = primitives.now();
    lagMs = Math.max(lagMs, now - ticked - TICK_MS);
    ticked = now;
    if (now - sampled >= SAMPLE_MS) sample(now);
  }, TICK_MS);
}
