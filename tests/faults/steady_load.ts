/** Requests at a fixed rate, whatever the answers take: a server that is slow gets no less to do. */
import { type KeptConnection, keptConnection, pidIn } from "../integration/serving.ts";
import { waitFor } from "../support/wait_for.ts";

/** One request, answered or not. */
export interface Asked {
  /** Which of the servers it went to. */
  readonly target: number;
  /** When it was sent, in milliseconds. */
  readonly at: number;
  /** How long the answer took, in milliseconds; undefined when there was none. */
  readonly tookMs: number | undefined;
  /** Who answered; undefined when nobody did. */
  readonly pid: number | undefined;
}

/** Each server has the load to itself for so long, in turns: the machine's speed is the same to all. */
const WINDOW_MS = 500;

/** A load on one or more servers; `await using` ends it. */
export class SteadyLoad implements AsyncDisposable {
  /** Everything that was asked. */
  readonly asked: Asked[] = [];
  readonly #urls: readonly string[];
  readonly #intervalMs: number;
  readonly #idle: KeptConnection[][];
  readonly #running: Promise<void>;
  #underWay = 0;
  #paused = false;
  #done = false;

  /** @param ratePerSecond The requests of all servers together. */
  constructor(urls: readonly string[], ratePerSecond: number) {
    this.#urls = urls;
    this.#intervalMs = 1000 / ratePerSecond;
    this.#idle = urls.map(() => []);
    this.#running = this.#run();
  }

  /** Stops asking, and waits until everything is answered. */
  async pause(): Promise<void> {
    this.#paused = true;
    await waitFor(() => this.#underWay === 0, { what: "all requests to end" });
  }

  /** Goes on after {@linkcode SteadyLoad.pause}. */
  resume(): void {
    this.#paused = false;
  }

  /** How many requests to a server were answered, by whom. */
  answersBy(target = 0): Map<number, number> {
    const answers = new Map<number, number>();
    for (const one of this.asked) {
      if (one.target !== target || one.pid === undefined) continue;
      answers.set(one.pid, (answers.get(one.pid) ?? 0) + 1);
    }
    return answers;
  }

  /** How many requests were not answered. */
  get failures(): number {
    return this.asked.filter(({ pid }) => pid === undefined).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#done = true;
    await this.#running;
    await this.pause();
    for (const connection of this.#idle.flat()) connection[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    for (let due = performance.now(); !this.#done;) {
      if (this.#paused) due = Infinity;
      else if (due === Infinity) due = performance.now();
      for (; due < performance.now(); due += this.#intervalMs) {
        void this.#ask(Math.floor(due / WINDOW_MS) % this.#urls.length);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async #ask(target: number): Promise<void> {
    this.#underWay++;
    const idle = this.#idle[target]!;
    let connection = idle.pop();
    let pid: number | undefined;
    let at = performance.now();
    try {
      if (connection === undefined) {
        connection = await keptConnection(this.#urls[target]!);
        at = performance.now();
      }
      const isKept = await connection.request();
      pid = pidIn(connection.answer);
      if (isKept) {
        idle.push(connection);
        connection = undefined;
      }
    } catch {
      // Told by `failures`.
    } finally {
      connection?.[Symbol.dispose]();
      const tookMs = pid === undefined ? undefined : performance.now() - at;
      this.asked.push({ target, at, tookMs, pid });
      this.#underWay--;
    }
  }
}

/** The value below which a share of all values is. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
