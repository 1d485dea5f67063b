/**
 * Retires dead writers from time to time, beside other work.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import type { Log } from "../../core/log.ts";
import { errorCode, errorText } from "../../storage/filesystem/file_errors.ts";
import { retireWriters } from "../../storage/filesystem/mod.ts";
import { denoFilePrimitives } from "./file_primitives.ts";

/** What {@linkcode startRetiring} looks after. */
export interface RetiringOptions {
  /** The directory of the metric files; it may be missing for the time being. */
  readonly directory: string;
  /** Whether files of Python's client are retired too. */
  readonly foreign: boolean;
  /** Told what was retired, and once what cannot be. */
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

/**
 * Starts to retire the dead writers of a directory.
 *
 * Permissions: read and write for the directory; `ffi` for files of Python's client.
 */
export function startRetiring({ directory, foreign, log }: RetiringOptions): Retiring {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let underWay: Promise<void> | undefined;
  let wanted = false;
  let stopped = false;
  let told = new Set<string>();

  async function retire(): Promise<void> {
    const lines = new Set<string>();
    try {
      const { problems } = await retireWriters({
        directory,
        primitives: denoFilePrimitives,
        foreign,
        log,
      });
      for (const { source, message } of problems) lines.add(`${source}: ${message}`);
    } catch (error) {
      // Whoever comes later makes the directory.
      if (errorCode(error) !== "ENOENT") lines.add(errorText(error));
    }
    for (const line of lines) if (!told.has(line)) log.warn(line);
    told = lines;
  }

  function schedule(delayMs: number): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      wanted = false;
      underWay = retire().finally(() => {
        underWay = undefined;
        schedule(wanted ? SOON_MS : INTERVAL_MS);
      });
    }, delayMs);
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
