/** Running a program beside the test and reading what it prints. */
import { waitFor } from "./wait_for.ts";

/** Where and with what a program runs. */
export interface SpawnOptions {
  /** Variables for the program, on top of those of the test without the exporter's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** The working directory; default: the checkout. */
  readonly cwd?: string | URL;
}

/** A running program; `await using` ends it. */
export interface Spawned extends AsyncDisposable {
  /** The process id. */
  readonly pid: number;
  /** What it has printed to stdout so far. */
  readonly stdout: string;
  /** What it has printed to stderr so far. */
  readonly stderr: string;
  /** Settles when the program has ended and its output is complete. */
  readonly status: Promise<Deno.CommandStatus>;
  /** Waits until the output (stdout, then stderr) matches. @throws {Error} when it ends without */
  waitForOutput(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal, default SIGTERM, and waits for the end; SIGKILL after the deadline. */
  stop(signal?: Deno.Signal, deadlineMs?: number): Promise<Deno.CommandStatus>;
}

/** The checkout. */
export const ROOT = new URL("../../", import.meta.url);

const OWN_VARIABLES = /^(PROMETHEUS|GUNICORN|REDIS|GPE)_|^CLEANUP_DB_FILES$/;

/** The environment of a spawned program: nothing of ours that the developer's shell may have set. */
export function cleanEnv(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !OWN_VARIABLES.test(name)
  );
  return { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env };
}

/** Starts `deno run -A mod.ts` of the checkout with these arguments. */
export function spawnGpe(args: readonly string[], options: SpawnOptions = {}): Spawned {
  const main = new URL("mod.ts", ROOT).href;
  return spawn(Deno.execPath(), ["run", "-A", main, ...args], options);
}

/** Starts a program. */
export function spawn(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Spawned {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: cleanEnv(options.env),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = { stdout: "", stderr: "" };
  let ended = false;
  const collect = async (name: "stdout" | "stderr"): Promise<void> => {
    for await (const part of child[name].pipeThrough(new TextDecoderStream())) {
      output[name] += part;
    }
  };
  const status = Promise.all([child.status, collect("stdout"), collect("stderr")]).then(([end]) => {
    ended = true;
    return end;
  });
  const describe = (): string => `${output.stdout}\n--- stderr\n${output.stderr}`;
  const stop = async (signal: Deno.Signal = "SIGTERM", deadlineMs = 20_000) => {
    if (!ended) sendSignal(child, signal);
    const timer = setTimeout(() => sendSignal(child, "SIGKILL"), deadlineMs);
    return await status.finally(() => clearTimeout(timer));
  };
  return {
    pid: child.pid,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    status,
    stop,
    async waitForOutput(pattern, deadlineMs = 60_000) {
      const last = await waitFor(
        () => {
          const found = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
          return found ?? (ended ? "ended" : undefined);
        },
        { deadlineMs, what: () => `output that matches ${pattern}; there is:\n${describe()}` },
      );
      if (typeof last !== "string") return last;
      throw new Error(`The program ended without output that matches ${pattern}:\n${describe()}`);
    },
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** A program's end: what it printed, and its status. */
export interface Finished {
  /** The exit code. */
  readonly code: number;
  /** Everything printed to stdout. */
  readonly stdout: string;
  /** Everything printed to stderr. */
  readonly stderr: string;
}

/** Runs `deno run -A mod.ts` of the checkout to its end. */
export async function runGpe(
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Finished> {
  await using gpe = spawnGpe(args, options);
  const { code } = await gpe.status;
  return { code, stdout: gpe.stdout, stderr: gpe.stderr };
}

function sendSignal(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // It has ended in the meantime: that is what was wanted.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
