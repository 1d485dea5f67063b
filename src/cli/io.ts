/**
 * What the command line touches of the process, so that tests can pass their own.
 *
 * @module
 */
import { listenForSignals } from "../adapters/deno/signals.ts";
import type { MasterSignal } from "../master/master_metrics.ts";

/** Streams, environment and signals. */
export interface CliIo {
  /** Looks up an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Writes data. @throws {Deno.errors.BrokenPipe} when the reader has gone */
  readonly stdout: (text: string) => Promise<void>;
  /** Writes a log line or a message. Never throws. */
  readonly stderr: (text: string) => void;
  /** Resolves when the process is asked to end. */
  readonly stopRequested: () => Promise<void>;
}

/** The streams, the environment and the signals of this process. */
export const denoIo: CliIo = {
  env: (name) => Deno.env.get(name),
  async stdout(text) {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
  },
  stderr(text) {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let written = 0; written < bytes.length;) {
        written += Deno.stderr.writeSync(bytes.subarray(written));
      }
    } catch {
      // There is no other place left to say it.
    }
  },
  stopRequested() {
    // Listens to the end: the signal may come twice, and the second must not kill what is closing.
    return new Promise((stop) => {
      const act = (signal: MasterSignal): void => signal === "usr1" ? undefined : stop();
      listenForSignals({ received() {}, act }, ["int", "quit", "term", "usr1"]);
    });
  },
};
