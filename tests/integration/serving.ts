/** A running `gpe serve` with addresses of its own, and clients that count what they send. */
import { freePort } from "../support/free_port.ts";
import { parseExposition } from "../support/exposition.ts";
import { ROOT, type Spawned, spawnGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";

/** How the service is started. */
export interface ServeOptions {
  /** Number of workers; default 2. */
  readonly workers?: number;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** The directory of the metric files; default: one that goes away. */
  readonly directory?: string;
  /** Variables for the master. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The running service; `await using` stops it. */
export interface Serving extends AsyncDisposable {
  /** The master. */
  readonly gpe: Spawned;
  /** The application's URL, without a slash at the end. */
  readonly app: string;
  /** The URL of the metrics page. */
  readonly metrics: string;
  /** The directory of the metric files. */
  readonly directory: string;
  /** Every sample of the metrics page. */
  scrape(): Promise<Map<string, number>>;
}

/** A path of the checkout. */
export function checkoutPath(path: string): string {
  return decodeURIComponent(new URL(path, ROOT).pathname);
}

/** The arguments of a service that disturbs nobody. */
export function serveArguments(
  app: string,
  directory: string,
  options: ServeOptions = {},
): string[] {
  return [
    "serve",
    app,
    "--workers",
    String(options.workers ?? 2),
    "--bind",
    `127.0.0.1:${freePort()}`,
    "--metrics-bind",
    "127.0.0.1",
    "--metrics-port",
    "0",
    "--dir",
    directory,
    ...options.flags ?? [],
  ];
}

/** Starts the service and waits until all workers are running. */
export async function startServing(app: string, options: ServeOptions = {}): Promise<Serving> {
  const temporary = await tempDir();
  const directory = options.directory ?? `${temporary.path}/metrics`;
  const gpe = spawnGpe(
    serveArguments(app, directory, options),
    options.env === undefined ? {} : { env: options.env },
  );
  const end = async (): Promise<void> => {
    await gpe.stop();
    await temporary[Symbol.asyncDispose]();
  };
  try {
    const app = (await gpe.waitForOutput(/Application +(https?:\S+)/))[1]!;
    const metrics = (await gpe.waitForOutput(/Metrics endpoint +(http:\S+)/))[1]!;
    for (let slot = 1; slot <= (options.workers ?? 2); slot++) {
      await gpe.waitForOutput(new RegExp(`worker_${slot} is running`));
    }
    return {
      gpe,
      app,
      metrics,
      directory,
      scrape: () => scrapePage(metrics),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Every sample of a metrics page. */
export async function scrapePage(url: string): Promise<Map<string, number>> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`The page has status ${response.status}: ${text}`);
  return parseExposition(text);
}

/** The processes that a process has started and that run now. Linux only, as these tests are. */
export async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (/^\d+$/.test(name) && await parentOf(Number(name)) === pid) children.push(Number(name));
  }
  return children.sort((a, b) => a - b);
}

async function parentOf(pid: number): Promise<number | undefined> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // The name, in parentheses, may hold anything; state and parent follow it.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined; // ended since the directory was read
  }
}

/** Whether a process runs; a zombie does not. */
export async function isRunning(pid: number): Promise<boolean> {
  return await parentOf(pid) !== undefined;
}

/** Waits until none of the processes runs. */
export async function waitForEnd(pids: readonly number[], deadlineMs?: number): Promise<void> {
  for (const pid of pids) {
    await waitFor(async () => !(await isRunning(pid)), {
      what: `the end of process ${pid}`,
      ...deadlineMs === undefined ? {} : { deadlineMs },
    });
  }
}

/** Sends one request on a connection of its own; true when the answer came whole. */
export async function requestOnce(url: string): Promise<boolean> {
  return await answerOnce(url) !== undefined;
}

/** Sends one request on a connection of its own. @returns the whole answer; undefined: cut off, or not 200 */
export async function answerOnce(url: string): Promise<string | undefined> {
  const { hostname, port, pathname } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(
      `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`,
    ),
  );
  const text = await new Response(connection.readable).text();
  return /^HTTP\/1\.1 200 /.test(text) && text.includes("\r\n\r\n") ? text : undefined;
}

/** The process that gave an answer, where the application says so: `increments.ts` does. */
export function pidIn(answer: string): number {
  const pid = /^x-pid: (\d+)\r$/im.exec(answer)?.[1];
  if (pid === undefined) throw new Error(`No pid is in the answer ${JSON.stringify(answer)}`);
  return Number(pid);
}

/** A connection for many requests, one after the other. */
export interface KeptConnection extends Disposable {
  /** The last answer, as it came. */
  readonly answer: string;
  /** Sends a request and reads the answer. @returns whether the server keeps the connection */
  request(): Promise<boolean>;
  /** Resolves when the server closes the connection. */
  closed(): Promise<void>;
}

/** Opens a connection that stays open for further requests. */
export async function keptConnection(url: string): Promise<KeptConnection> {
  const { hostname, port, pathname } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const message = new TextEncoder().encode(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  let text = "";
  return {
    get answer() {
      return text;
    },
    async request() {
      await connection.write(message);
      const buffer = new Uint8Array(4096);
      text = "";
      while (!isWhole(text)) {
        const read = await connection.read(buffer);
        if (read === null) throw new Error(`The answer was cut off: ${JSON.stringify(text)}`);
        text += new TextDecoder().decode(buffer.subarray(0, read));
      }
      return !/^connection: close\r$/im.test(text);
    },
    async closed() {
      const rest = await connection.read(new Uint8Array(1));
      if (rest !== null) throw new Error("The server sent something, expected the end");
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

function isWhole(answer: string): boolean {
  const length = /^content-length: (\d+)\r$/im.exec(answer)?.[1];
  const body = answer.indexOf("\r\n\r\n") + 4;
  return body >= 4 && length !== undefined && answer.length >= body + Number(length);
}

/** Runs a function a number of times, several at a time. */
export async function repeat(
  times: number,
  atOnce: number,
  run: () => Promise<void>,
): Promise<void> {
  let left = times;
  const loop = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
}
