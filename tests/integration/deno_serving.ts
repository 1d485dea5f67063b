/** A running `deno serve --parallel` with a port of its own. */
import { assertEquals } from "@std/assert";
import { assertNoneLower } from "../faults/totals.ts";
import { freePort } from "../support/free_port.ts";
import { parseExposition } from "../support/exposition.ts";
import { spawn, type Spawned } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";
import { answerOnce, checkoutPath, keptConnection, repeat } from "./serving.ts";

/** How the app is served. */
export interface DenoServeOptions {
  /** Where metrics are stored, and what else the app is to know. */
  readonly env: Readonly<Record<string, string>>;
  /** The app. @default {`tests/fixtures/apps/parallel.ts`} */
  readonly app?: string;
  /** How many isolates there are. @default {4} */
  readonly isolates?: number;
  /** Permissions. @default {all} */
  readonly flags?: readonly string[];
}

/** A metrics page, as one of the isolates gave it. */
export interface IsolatePage {
  /** Every sample. */
  readonly samples: Map<string, number>;
  /** Which isolate it was. */
  readonly isolate: string;
}

/** The running app; `await using` stops it. */
export interface DenoServing extends AsyncDisposable {
  /** The process. */
  readonly process: Spawned;
  /** The app's URL, without a slash at the end. */
  readonly app: string;
  /** The metrics page at the app's own port, on a connection of its own. */
  scrape(): Promise<IsolatePage>;
}

/**
 * Starts the app and waits until every isolate has answered: SIGTERM is never heard by one that is
 * just starting, with any app, and the process then goes on.
 */
export async function startDenoServe(options: DenoServeOptions): Promise<DenoServing> {
  const { env, flags = ["-A"], isolates = 4 } = options;
  const { app = checkoutPath("tests/fixtures/apps/parallel.ts") } = options;
  const process = spawn(
    Deno.execPath(),
    [
      "serve",
      "--no-prompt",
      "--no-check",
      "--parallel",
      ...flags,
      "--host",
      "127.0.0.1",
      "--port",
      `${freePort()}`,
      app,
    ],
    { env: { DENO_JOBS: `${isolates}`, ...env } },
  );
  try {
    const [, url] = await process.waitForOutput(/Listening on (http:\S+)\/(?: with|\n)/);
    const serving: DenoServing = {
      process,
      app: url!,
      scrape: () => scrapeIsolate(`${url}/metrics`),
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    };
    const seen = new Set<string>();
    await waitFor(async () => seen.add((await serving.scrape()).isolate).size === isolates, {
      what: `answers from ${isolates} isolates`,
    });
    return serving;
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

async function scrapeIsolate(url: string): Promise<IsolatePage> {
  const answer = await answerOnce(url);
  if (answer === undefined) throw new Error(`Cannot scrape ${url}: no page came`);
  const [head, body] = answer.split("\r\n\r\n", 2) as [string, string];
  return {
    samples: parseExposition(body),
    isolate: /^x-isolate: (\S+)\r?$/im.exec(head)?.[1] ?? "",
  };
}

/** Sends requests on 16 connections, which the kernel spreads over the isolates. */
export async function load({ app }: DenoServing, requests: number): Promise<void> {
  const connections = await Promise.all(
    Array.from({ length: 16 }, () => keptConnection(`${app}/work`)),
  );
  try {
    const idle = [...connections];
    await repeat(requests, connections.length, async () => {
      const connection = idle.pop()!;
      await connection.request();
      idle.push(connection);
    });
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}

/** Scrapes while the load goes on; no total of a page is below the one before, whoever answered. */
export async function loadAndWatch(serving: DenoServing, requests: number): Promise<Set<string>> {
  const isolates = new Set<string>();
  let done = false;
  const running = load(serving, requests).finally(() => done = true);
  let last = new Map<string, number>();
  while (!done) {
    const { samples, isolate } = await serving.scrape();
    isolates.add(isolate);
    assertNoneLower(last, samples);
    last = samples;
  }
  await running;
  return isolates;
}

/** Sends SIGTERM. Fails when the process then ends otherwise than well. @returns how long the process took to end, in milliseconds */
export async function end({ process }: DenoServing): Promise<number> {
  const start = performance.now();
  const { code } = await process.stop("SIGTERM");
  assertEquals(code, 0, process.stderr);
  return performance.now() - start;
}
