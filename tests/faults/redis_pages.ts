/** What the endpoint shows while Redis comes and goes. */
import { assertEquals } from "@std/assert";
import type { Serving } from "../integration/serving.ts";
import { assertNoneLower } from "./totals.ts";

/** One page. */
export interface Page {
  /** When it was asked for, in milliseconds. */
  readonly from: number;
  /** When it was there. */
  readonly to: number;
  readonly samples: ReadonlyMap<string, number>;
  /** Whether Redis answered. */
  readonly connected: boolean;
}

/** Pages are asked for so often, in milliseconds: not without pause, which would load a core. */
const INTERVAL_MS = 50;

/** Scrapes again and again; every page must be there, and no total lower than on the one before. */
export class PageWatch implements AsyncDisposable {
  /** How many pages there were. */
  count = 0;
  /** The last page. */
  last: Page | undefined;
  /** Pages that did not have Redis, and when. */
  readonly without: Page[] = [];
  /** Whether totals may be gone, as after a loss of what dead writers had written. */
  forgives = false;
  readonly #serving: Serving;
  readonly #running: Promise<void>;
  #totals: ReadonlyMap<string, number> = new Map();
  #failure: unknown;
  #done = false;

  /** @param control Another service that is asked as often. */
  constructor(serving: Serving, control?: Serving) {
    this.#serving = serving;
    this.#running = this.#run(control).catch((error) => {
      this.#failure = error;
    });
  }

  /** The page of a moment after now; throws what was wrong with a page so far. */
  async next(): Promise<Page> {
    const from = performance.now();
    while (this.#failure === undefined && (this.last?.from ?? 0) < from) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.last!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#done = true;
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(control: Serving | undefined): Promise<void> {
    while (!this.#done) {
      const from = performance.now();
      const samples = await this.#serving.scrape();
      const connected = samples.get("gunicorn_sidecar_redis_connected") === 1;
      const page = { from, to: performance.now(), samples, connected };
      this.count++;
      assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
      if (connected) {
        if (!this.forgives) assertNoneLower(this.#totals, samples);
        this.#totals = samples;
      } else this.without.push(page);
      this.last = page;
      await control?.scrape();
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }
}
