/** A command line in this process, with everything it writes kept. */
import { main } from "../../src/cli/main.ts";
import type { CliIo } from "../../src/cli/io.ts";

/** What a run of the command line did. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A CliIo that writes to text. */
export class FakeIo implements CliIo {
  out = "";
  err = "";
  readonly #env: Readonly<Record<string, string>>;
  readonly #stop = Promise.withResolvers<void>();

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
  }

  readonly env = (name: string): string | undefined => this.#env[name];
  readonly stdout = (text: string): Promise<void> => {
    this.out += text;
    return Promise.resolve();
  };
  readonly stderr = (text: string): void => {
    this.err += text;
  };
  readonly stopRequested = (): Promise<void> => this.#stop.promise;

  /** What SIGTERM does to a real one. */
  stop(): void {
    this.#stop.resolve();
  }
}

/** Runs a command line to its end. */
export async function gpe(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const io = new FakeIo(env);
  const code = await main(args, io);
  return { code, stdout: io.out, stderr: io.err };
}
