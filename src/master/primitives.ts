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
  /** Whether memory ran out, of the runtime's heap or of the system. @default {false} */
  readonly outOfMemory?: boolean;
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

/**
 * Why a worker waits for another in its place: it has answered as many requests as it shall, or its
 * process has to end because another thread in it hangs.
 */
export type WornReason = "max_requests" | "timeout";

/** What a worker reports, never after its end. Each is called at most once, but for `beat`. */
export interface WorkerEvents {
  /** The application listens. */
  running(): void;
  /** The application could not be started; the worker's end follows. */
  failed(failure: BootFailure): void;
  /** The worker's event loop turned; again and again, more often than the timeout asks for. */
  beat(): void;
  /** The worker goes on, but waits for another in its place. */
  worn(reason: WornReason): void;
}

/**
 * How a worker ends: `"stop"` with the service, when it finishes the requests at hand; `"drain"`
 * while others serve on, when it also waits for its clients to leave.
 */
export type StopKind = "stop" | "drain";

/** One started worker. */
export interface WorkerHandle {
  /** The id of its process, which several threads share; `undefined` when there is none. */
  readonly pid: number | undefined;
  /**
   * Resolves when nothing of the worker is left; never rejects. A thread that hangs cannot be ended
   * alone: it counts as ended when it is given up, and its process follows as soon as the other
   * threads in it have been replaced.
   */
  readonly ended: Promise<WorkerExit>;
  /** Asks the worker to finish what it has begun and to end. `"stop"` may follow `"drain"`. */
  stop(kind: StopKind): void;
  /** Ends the worker at once. */
  kill(): void;
  /** Asks the worker to open its log files anew. */
  reopenLogs(): void;
}

/** Starts the worker of a slot. A start that fails is a worker that ends at once, not a throw. */
export type SpawnWorker = (slot: number, events: WorkerEvents) => WorkerHandle;

/** Time and chance. */
export interface Clock {
  /** Milliseconds since any point in time; never goes back, whatever happens to the date. */
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
