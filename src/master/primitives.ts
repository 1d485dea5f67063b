/**
 * What the master needs from a runtime: workers that can be started and ended, time, and chance.
 * An adapter gives the real ones, a test its own.
 *
 * @module
 */

/** How a worker's process or thread ended. */
export interface WorkerExit {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it, such as `"SIGKILL"`; `null` when it exited. */
  readonly signal: string | null;
}

/** Why a worker could not start, as the worker itself says. */
export interface BootFailure {
  /** One line: what, which value, what was expected. */
  readonly message: string;
  /** Whether trying again is pointless: the application has no handler, or is not valid code. */
  readonly permanent: boolean;
  /** Where it was thrown; shown at log level debug. */
  readonly stack?: string;
}

/** What a worker reports. Each is called at most once, in this order, and never after its end. */
export interface WorkerEvents {
  /** The application listens. */
  running(): void;
  /** The application could not be started; the worker's end follows. */
  failed(failure: BootFailure): void;
}

/** One started worker. */
export interface WorkerHandle {
  /** The process id; `undefined` where a worker is no process of its own. */
  readonly pid: number | undefined;
  /** Resolves when nothing of the worker is left; never rejects. */
  readonly ended: Promise<WorkerExit>;
  /** Asks the worker to finish what it has begun and to end. */
  stop(): void;
  /** Ends the worker at once. */
  kill(): void;
}

/** Starts the worker of a slot. A start that fails is a worker that ends at once, not a throw. */
export type SpawnWorker = (slot: number, events: WorkerEvents) => WorkerHandle;

/** Time and chance. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `callback` once after `delayMs` milliseconds; the result cancels that. */
  schedule(callback: () => void, delayMs: number): () => void;
  /** A number from 0 up to but not including 1. */
  random(): number;
}

/** Resolves after `delayMs` milliseconds, or as soon as `signal` is aborted. */
export function delay(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = clock.schedule(finish, delayMs);
    signal.addEventListener("abort", finish);
    function finish(): void {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    }
  });
}
