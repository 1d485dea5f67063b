/** Processes with metrics on Redis that a test commands, and what a page must show of them. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createAggregator } from "../../src/core/aggregate.ts";
import { ExactSum } from "../../src/core/exact_sum.ts";
import { connectRedis } from "../../src/storage/redis/connect.ts";
import type { RedisConnection } from "../../src/storage/redis/connection.ts";
import { incarnationOf, redisKeys } from "../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../src/storage/redis/reader.ts";
import { type RedisOptions, redisPrefix } from "../../src/storage/redis/options.ts";
import { createRedisRetirer } from "../../src/storage/redis/retire.ts";
import { printed } from "../support/snapshots.ts";
import { cleanEnv, ROOT } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";

/** How {@linkcode startProgram} starts one. */
export interface ProgramOptions {
  /** The server. */
  readonly redis: Omit<RedisOptions, "client" | "log">;
  /** How many series each metric has. */
  readonly items: number;
  /** Of the random numbers. */
  readonly seed: number;
  readonly ttlMs: number;
  readonly flushIntervalMs: number;
  readonly incarnation?: string;
  readonly dataLifeMs?: number;
  readonly pid?: number;
  readonly host?: string;
}

/** What the program is told. `load`: to update values until the next command. */
export interface ProgramCommand {
  readonly type: "load" | "update" | "flush" | "close";
}

/** What it answers. */
export interface ProgramAnswer {
  /** Its writer's id now. */
  readonly writer: string;
  /** Its values, by series. */
  readonly values: Readonly<Record<string, number>>;
}

/** A running program; `await using` kills it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly incarnation: string;
  /** Sends a command and waits for the answer. */
  send(type: ProgramCommand["type"]): Promise<ProgramAnswer>;
  /** What it answered last. */
  readonly last: ProgramAnswer;
  /** Signals it. */
  kill(signal: Deno.Signal): void;
}

const PROGRAM = new URL("programs/redis_writer.ts", import.meta.url).pathname;

let programs = 0;

/** Starts a program, which has flushed its first values when this resolves. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { incarnation = `p${++programs}` } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PROGRAM, JSON.stringify({ ...options, incarnation })],
    cwd: ROOT,
    env: cleanEnv(),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readLine = async (): Promise<string> => {
    for (let end = text.indexOf("\n"); end === -1; end = text.indexOf("\n")) {
      const { done, value } = await output.read();
      if (done) throw new Error(`The program ended: ${text}`);
      text += value;
    }
    const line = text.slice(0, text.indexOf("\n"));
    text = text.slice(line.length + 1);
    return line;
  };
  const encoder = new TextEncoder();
  let last: ProgramAnswer = { writer: "", values: {} };
  const program: Program = {
    pid: child.pid,
    incarnation,
    get last() {
      return last;
    },
    async send(type) {
      await input.write(encoder.encode(`${JSON.stringify({ type } satisfies ProgramCommand)}\n`));
      return last = JSON.parse(await readLine());
    },
    kill(signal) {
      Deno.kill(child.pid, signal);
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // It has ended.
      }
      await child.status;
      await input.abort().catch(() => {});
      await output.cancel();
    },
  };
  try {
    await program.send("flush");
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
  return program;
}

/** Everything that only ever grows. */
const TOTAL = /^(work_total|seconds_sum|seconds_count|seconds_bucket|level_sum|level_max)\{/;

/** What a page shows, looked at from a connection of its own, without the last guard. */
export interface Watch extends AsyncDisposable {
  /** How many pages there were. */
  readonly pages: number;
  /** The last page. */
  readonly page: Readonly<Record<string, number>>;
  /** Waits for a page that was begun after this call. */
  next(): Promise<Readonly<Record<string, number>>>;
}

/** What may happen while pages are read. */
export interface WatchOptions {
  /** Whether data is lost, so that totals are lower for a while. Default false. */
  readonly losing?: boolean;
  /** Whether the server is away now and then. Default false. */
  readonly failing?: boolean;
}

/** Reads pages without pause; none may show a total that is lower than on the page before. */
export async function watchPages(
  redis: RedisOptions,
  { losing = false, failing = losing }: WatchOptions = {},
): Promise<Watch> {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectTo(redis));
  const reader = stack.use(openRedisReader({ connection, keyPrefix: redisPrefix(redis) }));
  const aggregator = createAggregator({ guard: false });
  let page: Record<string, number> = {};
  let pages = 0;
  let done = false;
  const read = async (): Promise<void> => {
    let next: Record<string, number>;
    try {
      next = printed(aggregator.aggregate(await reader.read()));
    } catch (error) {
      if (!failing) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20)); // The server is away.
      return;
    }
    for (const [series, before] of losing ? [] : Object.entries(page)) {
      if (!TOTAL.test(series)) continue;
      const now = next[series];
      assert(now !== undefined && now >= before, `${series} was ${before}, is ${now}`);
    }
    page = next;
    pages++;
  };
  const watching = (async () => {
    while (!done) await read();
  })();
  let failure: unknown;
  watching.catch((error) => failure = error);
  const owned = stack.move();
  return {
    get pages() {
      return pages;
    },
    get page() {
      return page;
    },
    async next() {
      const from = pages;
      await waitFor(() => failure !== undefined || pages >= from + 2, { what: "a page" });
      if (failure !== undefined) throw failure;
      return page;
    },
    async [Symbol.asyncDispose]() {
      done = true;
      await watching.finally(() => owned[Symbol.asyncDispose]());
    },
  };
}

/** Connects, and waits for that. */
export async function connectTo(redis: RedisOptions): Promise<RedisConnection> {
  const connection = connectRedis(redis);
  await waitFor(() => connection.connectedSince !== undefined, { what: "a connection" });
  return connection;
}

/** A retirer that never rests; `await using` ends it. */
export interface RestlessRetirer extends AsyncDisposable {
  /** Says that a program has ended, or is to be taken for that. */
  declareDead(incarnation: string): void;
}

/**
 * Retires without pause, from a connection of its own, until it is disposed of.
 *
 * @param options.failing Whether the server is away now and then. Default false.
 */
export async function retireAlways(
  redis: RedisOptions,
  ttlMs: number,
  { failing = false, dataLifeMs = 24 * 3600 * 1000 }: {
    readonly failing?: boolean;
    readonly dataLifeMs?: number;
  } = {},
): Promise<RestlessRetirer> {
  const connection = await connectTo(redis);
  const keyPrefix = redisPrefix(redis);
  const retirer = createRedisRetirer({ connection, keyPrefix, dataLifeMs, ttlMs });
  let done = false;
  const retiring = (async () => {
    while (!done) {
      try {
        // Whoever lost its connection has to find the others first.
        await retirer.retire({ patient: failing });
      } catch (error) {
        if (!failing) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  })();
  retiring.catch(() => {}); // Thrown when it is disposed of.
  return {
    declareDead: (incarnation) => retirer.declareDead(incarnation),
    async [Symbol.asyncDispose]() {
      done = true;
      await retiring.finally(async () => {
        await retirer[Symbol.asyncDispose]();
        await connection[Symbol.asyncDispose]();
      });
    },
  };
}

/** Waits until every writer that the program has been is retired. */
export async function waitForRetired(
  connection: RedisConnection,
  prefix: string,
  { incarnation }: Program,
): Promise<void> {
  const keys = redisKeys(prefix);
  await waitFor(async () => {
    const [writers] = await connection.send([["HKEYS", keys.writers]]);
    const own = (writers as string[]).filter((id) =>
      incarnationOf(id).replace(/-\d+$/, "") === incarnation
    );
    const tombstones = await connection.send(own.map((id) => ["EXISTS", keys.tombstone(id)]));
    return tombstones.every((exists) => exists === 1);
  }, { what: `the end of ${incarnation}` });
}

/** Checks the totals of a page to the last bit against what processes say, living or not. */
export function assertTotals(
  page: Readonly<Record<string, number>>,
  answers: readonly ProgramAnswer[],
): void {
  for (const [series, values] of bySeries(answers)) {
    if (series.startsWith("level_live")) continue;
    const sum = new ExactSum();
    values.forEach((value) => sum.add(value));
    const total = series.startsWith("level_max") ? Math.max(...values) : sum.rounded();
    assertStrictEquals(page[series], total, series);
  }
}

/**
 * Waits until a page shows the gauges of these processes and no others: one series of each in the
 * modes with a pid, however often it was retired. On a busy machine one may be retired at any time.
 */
export async function waitForGauges(watch: Watch, programs: readonly Program[]): Promise<void> {
  await waitFor(async () => {
    const answers = await Promise.all(programs.map((program) => program.send("flush")));
    const page = await watch.next();
    const levels = answers.map(({ writer, values }) => [writer, values[LEVEL]]).sort();
    for (const mode of ["all", "liveall"]) {
      const shown = Object.entries(page).filter(([series]) => series.startsWith(`level_${mode}{`));
      const pids = shown.map(([series, value]) => [/pid="([^"]*)"/.exec(series)?.[1], value]);
      assertEquals(pids.sort(), levels);
    }
    const sum = new ExactSum();
    for (const { values } of answers) sum.add(values[LEVEL]!);
    assertStrictEquals(page[LEVEL], sum.rounded());
    return true;
  }, { what: "the gauges of all programs" });
}

const LEVEL = 'level_livesum{item="0"}';

function bySeries(answers: readonly ProgramAnswer[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { values } of answers) {
    for (const [series, value] of Object.entries(values)) {
      const list = found.get(series);
      if (list === undefined) found.set(series, [value]);
      else list.push(value);
    }
  }
  return found;
}
