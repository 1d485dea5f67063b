/**
 * A process with metrics on Redis: `redis_writer.ts OPTIONS`, as JSON. It gets commands on stdin, one
 * JSON text a line, and answers each with one line: its writer's id and its own values, added up here
 * a second time. It ends with stdin.
 */
import { Counter, Gauge, Histogram } from "../../../src/core/mod.ts";
import { processStore } from "../../../src/core/process_store.ts";
import { connectRedis } from "../../../src/storage/redis/connect.ts";
import { redisPrefix } from "../../../src/storage/redis/options.ts";
import { openRedisWriter } from "../../../src/storage/redis/writer.ts";
import { createRandom } from "../../support/random.ts";
import type { ProgramAnswer, ProgramCommand, ProgramOptions } from "../redis_program.ts";

const { redis, items, seed, ...given } = JSON.parse(Deno.args[0]!) as ProgramOptions;
const connection = connectRedis(redis);
const writer = openRedisWriter({
  pid: Deno.pid,
  host: Deno.hostname(),
  ...given,
  connection,
  keyPrefix: redisPrefix(redis),
});
processStore().open(writer);

const labelNames = ["item"];
const work = new Counter({ name: "work_total", help: "Work.", labelNames });
const seconds = new Histogram({ name: "seconds", help: "Time.", labelNames, buckets: [0.5, 1] });
const gauge = (multiprocessMode: "all" | "liveall" | "livesum" | "sum" | "max") =>
  new Gauge({ name: `level_${multiprocessMode}`, help: "Level.", labelNames, multiprocessMode });
const sum = gauge("sum");
const free = new Gauge({
  name: "free_sum",
  help: "Goes up and down.",
  labelNames,
  multiprocessMode: "sum",
});
const others = [gauge("all"), gauge("liveall"), gauge("livesum"), gauge("max")];

const random = createRandom(seed);
const AMOUNTS: readonly (() => number)[] = [
  () => 0.1,
  () => 1e-9,
  () => 1e15,
  () => Math.floor(random() * 2 ** 40),
  () => (random() + random() * 2 ** -32) * 2 ** Math.floor(random() * 100 - 50),
];
const amount = (): number => AMOUNTS[Math.floor(random() * AMOUNTS.length)]!();

/** By series, as a page prints them. */
const values = new Map<string, number>();
function add(series: string, value: number): number {
  const after = (values.get(series) ?? 0) + value;
  values.set(series, after);
  return after;
}

function update(item: string): void {
  const labels = `{item="${item}"}`;
  let value = amount();
  work.inc({ item }, value);
  add(`work_total${labels}`, value);
  value = amount();
  sum.inc({ item }, value);
  add(`level_sum${labels}`, value);
  value = random() < 0.5 ? amount() : -amount();
  free.set({ item }, value);
  values.set(`free_sum${labels}`, value);
  if (Number(item) > 0) return;
  value = amount();
  seconds.observe({ item }, value);
  add(`seconds_sum${labels}`, value);
  add(`seconds_count${labels}`, 1);
  [0.5, 1, Infinity].forEach((le) => {
    const text = le === Infinity ? "+Inf" : le.toFixed(1);
    add(`seconds_bucket{item="${item}",le="${text}"}`, value <= le ? 1 : 0);
  });
  const level = add(`level_max${labels}`, 1);
  values.set(`level_livesum${labels}`, level);
  for (const other of others) other.set({ item }, level);
}

function updateAll(): void {
  for (let item = 0; item < items; item++) update(String(item));
}

let load: ReturnType<typeof setInterval> | undefined;

async function run({ type }: ProgramCommand): Promise<void> {
  clearInterval(load);
  switch (type) {
    case "load":
      load = setInterval(() => {
        for (let i = 0; i < 10; i++) update(String(Math.floor(random() * items)));
      }, 2);
      return;
    case "update":
      return updateAll();
    case "flush":
      do {
        await writer.flush();
        if (!writer.flushed) await new Promise((resolve) => setTimeout(resolve, 20));
      } while (!writer.flushed);
      return;
    case "close":
      await writer[Symbol.asyncDispose]();
  }
}

updateAll();
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let text = "";
for await (const part of lines) {
  const commands = (text + part).split("\n");
  text = commands.pop()!;
  for (const command of commands) {
    await run(JSON.parse(command));
    const answer: ProgramAnswer = { writer: writer.writer, values: Object.fromEntries(values) };
    console.log(JSON.stringify(answer));
  }
}
clearInterval(load);
await connection[Symbol.asyncDispose]();
