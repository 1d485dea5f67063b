/** The same script against prom-client and against ours, with what each says written down. */
import { assertEquals } from "@std/assert";
import * as prom from "prom-client";
import * as core from "../../../src/core/mod.ts";
import { createRandom } from "../../support/random.ts";

/** Either library, typed as prom-client: a script for one compiles for the other. */
export type Library = Pick<
  typeof prom,
  | "Counter"
  | "Gauge"
  | "Histogram"
  | "Summary"
  | "Registry"
  | "linearBuckets"
  | "exponentialBuckets"
  | "validateMetricName"
>;

/** Ours in prom-client's clothes. */
export const ours = core as unknown as Library;
/** prom-client itself. */
export const theirs: Library = prom;

/** What a script is given. */
export interface Stage extends Library {
  /** A new registry. prom-client's types know no argument of the constructor. */
  newRegistry(contentType?: string): prom.Registry;
  /** Moves the faked clock. */
  advance(seconds: number): void;
  /** Notes what a function gives, or how it fails. */
  note(action: () => unknown): Promise<void>;
  /** Notes everything a registry prints. */
  print(registry: prom.Registry): Promise<void>;
}

/** Runs the script with both libraries and compares all that was noted. */
export async function assertSame(
  script: (stage: Stage) => Promise<void> | void,
): Promise<string[]> {
  const expected = await perform(theirs, script);
  assertEquals(await perform(ours, script), expected);
  return expected;
}

async function perform(
  library: Library,
  script: (stage: Stage) => Promise<void> | void,
): Promise<string[]> {
  const { now } = Date;
  const { random } = Math;
  const notes: string[] = [];
  let clock = 1_700_000_000_000;
  Date.now = () => clock;
  Math.random = createRandom(1);
  const stage: Stage = {
    ...library,
    newRegistry: (contentType) =>
      new (library.Registry as new (contentType?: string) => prom.Registry)(contentType),
    advance: (seconds) => void (clock += seconds * 1000),
    async note(action) {
      try {
        notes.push(show(await action()));
      } catch (error) {
        notes.push(String(error));
      }
    },
    async print(registry) {
      notes.push(await registry.metrics(), show(await registry.getMetricsAsJSON()));
    },
  };
  try {
    await script(stage);
  } finally {
    Date.now = now;
    Math.random = random;
  }
  return notes;
}

/** Values with their types, the order of their keys, and what is undefined. */
function show(value: unknown): string {
  return JSON.stringify(
    value,
    (_, item) =>
      typeof item === "number" && !Number.isFinite(item)
        ? String(item)
        : item === undefined
        ? "undefined"
        : item,
    1,
  );
}
