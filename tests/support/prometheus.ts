/** A real Prometheus that scrapes a page, and what it answers. */
import { freePort } from "./free_port.ts";
import { spawn } from "./spawn.ts";
import { tempDir } from "./temp_dir.ts";
import { waitFor } from "./wait_for.ts";

/** A running Prometheus; `await using` ends it. */
export interface Prometheus extends AsyncDisposable {
  /** The single number that an expression has now; undefined when there is none yet. */
  query(expression: string): Promise<number | undefined>;
  /** Waits until an expression has a value. */
  waitForAnswer(expression: string, wanted: number): Promise<void>;
  /** The names of all totals that it has: those whose resets mean something. */
  totals(): Promise<string[]>;
}

/**
 * Starts a Prometheus that scrapes once a second.
 *
 * @param program The path of Prometheus.
 * @param scrapeConfigs The part of its configuration that says what.
 */
export async function startPrometheus(program: string, scrapeConfigs: string): Promise<Prometheus> {
  const dir = await tempDir();
  const config = `${dir.path}/prometheus.yml`;
  await Deno.writeTextFile(config, `global:\n  scrape_interval: 1s\n${scrapeConfigs}\n`);
  const url = `http://127.0.0.1:${freePort()}`;
  const prometheus = spawn(program, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${dir.path}/data`,
    `--web.listen-address=${new URL(url).host}`,
  ]);
  const get = async (path: string): Promise<unknown> => await (await fetch(url + path)).json();

  async function query(expression: string): Promise<number | undefined> {
    const answer = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`) as {
      data?: { result: { value: [number, string] }[] };
      error?: string;
    };
    if (answer.data === undefined) throw new Error(`Prometheus says: ${answer.error}`);
    const result = answer.data.result[0];
    return result === undefined ? undefined : Number(result.value[1]);
  }

  return {
    query,
    async waitForAnswer(expression, wanted) {
      let last: number | undefined;
      await waitFor(async () => {
        last = await query(expression);
        return last === wanted;
      }, {
        deadlineMs: 60_000,
        intervalMs: 100,
        what: () => `${expression} to be ${wanted}; it is ${last}`,
      });
    },
    async totals() {
      const { data } = await get("/api/v1/label/__name__/values") as { data: string[] };
      return data.filter((name) => /_(total|count|sum|bucket)$/.test(name));
    },
    async [Symbol.asyncDispose]() {
      await prometheus[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
