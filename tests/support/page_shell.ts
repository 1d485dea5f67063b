/** Runs a page's command lines, each as what it is, on free ports and in a directory of its own. */
import { freePort } from "./free_port.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { wordsOf } from "./pages.ts";
import { ROOT, spawn, type Spawned } from "./spawn.ts";

const ADDRESSES = ["--metrics-bind", "127.0.0.1", "--metrics-port", "0"];

/** What was run so far, and what runs. */
export interface PageShell extends AsyncDisposable {
  /** Runs one line. @throws {Error} when it fails, or when nobody knows what it is */
  run(line: string): Promise<void>;
  /** Ends what runs. @throws {Error} when it does not end well */
  stop(): Promise<void>;
  /** Every metrics page that a line fetched. */
  readonly pages: string[];
}

/** What runs. */
interface Server {
  readonly process: Spawned;
  readonly app: string | undefined;
  readonly metrics: string;
  /** Whether it may have to be told to end several times. */
  readonly repeats?: boolean;
}

type Env = Readonly<Record<string, string>>;

/**
 * @param home The working directory, with the files that the page has the user write.
 * @param directory Where metric files go; none is named when undefined.
 */
export function pageShell(home: string, directory?: string): PageShell {
  const pages: string[] = [];
  const dirFlags = directory === undefined ? [] : ["--dir", directory];
  let server: Server | undefined;

  async function stop(): Promise<void> {
    const last = server;
    server = undefined;
    if (last === undefined) return;
    // An isolate of `deno serve` that is just starting does not hear the first signal.
    const again = setInterval(() => last.repeats && void last.process.stop(), 1000);
    const { code } = await last.process.stop();
    clearInterval(again);
    assertEquals(code, 0, last.process.stderr);
  }

  async function start(args: string[], cwd: string | URL, served: boolean, env: Env = {}) {
    await stop();
    const process = spawn(Deno.execPath(), args, { cwd, env });
    server = { process, app: undefined, metrics: "" };
    const [, app] = served ? await process.waitForOutput(/^Application +(\S+)$/m) : [];
    const [, metrics] = await process.waitForOutput(
      served ? /^Metrics endpoint +(\S+)\/metrics$/m : /url=(\S+)\/metrics/,
    );
    server = { process, app, metrics: metrics! };
  }

  /** Starts a module that serves by itself. */
  async function startModule(args: string[]): Promise<void> {
    await stop();
    const process = spawn(Deno.execPath(), ["run", ...args], { cwd: home });
    server = { process, app: undefined, metrics: "" };
    const [, app] = await process.waitForOutput(/Listening on (http:\S+)\//);
    server = { process, app, metrics: "" };
  }

  /** Starts `deno serve`, with a port of its own and one for the metrics, should the app want that. */
  async function serveModule(args: string[], env: Env): Promise<void> {
    await stop();
    const metrics = freePort();
    const process = spawn(
      Deno.execPath(),
      ["serve", "--no-prompt", "--host", "127.0.0.1", "--port", `${freePort()}`, ...args],
      {
        cwd: home,
        env: {
          ...directory === undefined ? {} : { PROMETHEUS_MULTIPROC_DIR: directory },
          PROMETHEUS_BIND_ADDRESS: "127.0.0.1",
          PROMETHEUS_METRICS_PORT: `${metrics}`,
          ...env,
        },
      },
    );
    server = { process, app: undefined, metrics: "" };
    const [, app] = await process.waitForOutput(/Listening on (http:\S+)\//);
    server = { process, app, metrics: `http://127.0.0.1:${metrics}`, repeats: true };
  }

  async function runToEnd(args: string[], cwd: string | URL, env: Env = {}): Promise<string> {
    return await output(Deno.execPath(), args, { cwd, env });
  }

  async function output(...[program, args, options]: Parameters<typeof spawn>): Promise<string> {
    await using process = spawn(program, args, options);
    const { code } = await process.status;
    assertEquals(code, 0, process.stderr);
    return process.stdout;
  }

  /** The start of the checkout's `mod.ts` in the place of the package. */
  async function gpe(flags: string[], command: string[], env: Env): Promise<void> {
    const main = ["run", ...flags, new URL("mod.ts", ROOT).pathname, ...command];
    switch (command[0]) {
      case "serve": {
        // A package needs no permission to be read; the checkout that stands in for it does.
        const limited = command.some((word) => word.startsWith("--deno-flag"));
        const more = limited ? [`--deno-flag=--allow-read=${ROOT.pathname}`] : [];
        const args = [
          ...main,
          ...more,
          ...dirFlags,
          "--bind",
          `127.0.0.1:${freePort()}`,
          ...ADDRESSES,
        ];
        return await start(args, home, true, env);
      }
      case "exporter":
        return await start([...main, ...dirFlags, ...ADDRESSES], home, false, env);
      default: {
        // It refuses to remove what is in use.
        if (command[0] === "clean") await stop();
        const more = command[0]!.startsWith("-") ? [] : dirFlags;
        assertMatch(await runToEnd([...main, ...more], home, env), /\S/);
      }
    }
  }

  async function curl(address: string): Promise<void> {
    const url = new URL(address);
    if (server === undefined) throw new Error(`Cannot fetch ${address}: nothing runs`);
    const base = url.port === "9091" ? server.metrics : server.app;
    const response = await fetch(`${base}${url.pathname}${url.search}`);
    const text = await response.text();
    assertEquals(response.status, 200, text);
    if (url.pathname === "/metrics") pages.push(text);
  }

  return {
    pages,
    stop,
    async run(line) {
      const all = wordsOf(line);
      const first = all.findIndex((word) => !/^[A-Z_]+=/.test(word));
      const env = Object.fromEntries(all.slice(0, first).map((word) => word.split(/=(.*)/, 2)));
      const words = all.slice(first);
      const command = words.join(" ");
      const at = words.indexOf("jsr:@gpe/cli");
      if (command === "npx -y deno task start") {
        const task = [
          "task",
          "start",
          ...dirFlags,
          "--bind",
          `127.0.0.1:${freePort()}`,
          ...ADDRESSES,
        ];
        await start(task, ROOT, true);
      } else if (command === "npx -y deno task test") {
        // All tests are what runs right now; one module shows that the command does.
        const output = await runToEnd(["task", "test", "tests/tools/house_rules_test.ts"], ROOT);
        assertMatch(output, /^[1-9]\d* passed, 0 failed, 0 skipped\n$/m);
      } else if (command.startsWith("deno run ") && at > 0) {
        await gpe(["--no-prompt", ...words.slice(2, at)], words.slice(at + 1), env);
      } else if (/^deno run .*\w+\.ts$/.test(command)) {
        await startModule(words.slice(2));
      } else if (/^deno serve .*\w+\.ts$/.test(command)) {
        await serveModule(words.slice(2), env);
      } else if (words[0] === "redis-cli") {
        assertMatch(await output("redis-cli", words.slice(1)), /^(?!\(?ERR|NOPERM|WRONG)/);
      } else if (words[0] === "curl" && words.length === 2) {
        await curl(words[1]!);
      } else {
        throw new Error(`Cannot run the line ${JSON.stringify(line)}: it is of no known kind`);
      }
    },
    async [Symbol.asyncDispose]() {
      await server?.process.stop();
    },
  };
}
