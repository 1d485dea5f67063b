/**
 * Retires dead writers from time to time, beside other work.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import type { Log } from "../../core/log.ts";
import { errorText } from "../../storage/filesystem/file_errors.ts";
import type { ReadProblem } from "../../core/storage.ts";

/** What {@linkcode startRetiring} does again and again. */
export interface RetiringOptions {
  /** Retires the writers that are dead now; says what had to stay. Calls never overlap. */
  readonly retire: () => Promise<{ readonly problems: readonly ReadProblem[] }>;
  /** Told once what cannot be retired. */
  readonly log: Log;
}

/** Retiring that goes on until it is disposed of, which waits for what is under way. */
export interface Retiring extends AsyncDisposable {
  /** Says that a writer has just died. */
  soon(): void;
}

/** How often dead writers are looked for, in milliseconds. */
const INTERVAL_MS = 10_000;

/** Workers that die together are retired together. */
const SOON_MS = 200;

/** Starts to retire the dead writers of a storage. */
export function startRetiring({ retire, log }: RetiringOptions): Retiring {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let underWay: Promise<void> | undefined;
  let wanted = false;
  let stopped = false;
  let told = new Set<string>();

  async function run(): Promise<void> {
    const lines = new Set<string>();
    try {
      const { problems } = await retire();
      for (const { source, message } of problems) lines.add(`${source}: ${message}`);
    } catch (error) {
      lines.add(errorText(error));
    }
    for (const line of lines) if (!told.has(line)) log.warn(line);
    told = lines;
  }

  function schedule(delayMs: number): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      wanted = false;
      underWay = run().finally(() => {
        underWay = undefined;
        schedule(wanted ? SOON_MS : INTERVAL_MS);
      });
    }, delayMs);
    timer.unref(); // It is beside other work, and no reason to go on without.
  }

  schedule(INTERVAL_MS);
  return {
    soon() {
      if (wanted) return;
      wanted = true;
      if (underWay === undefined) schedule(SOON_MS);
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearTimeout(timer);
      await underWay;
    },
  };
}
