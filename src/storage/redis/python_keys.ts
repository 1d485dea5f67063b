/**
 * The keys of the Python exporter whose storage this one is modelled on: one hash for each sample.
 *
 * ```text
 * {prefix}:{type}[_{mode}]:{pid}:metric:{hash}   value, timestamp, updated_at
 * {prefix}:{type}[_{mode}]:{pid}:meta:{hash}     original_key, multiprocess_mode, …
 * ```
 *
 * It makes a key without a mode for each gauge, which holds 0, before it makes the one with the mode.
 *
 * @module
 */
import { type GaugeMode, isGaugeMode } from "../../core/modes.ts";
import { type FamilyKey, formatFamily, parseFamily, type RedisKeys } from "./keys.ts";

/** A sample's key. */
export interface PythonKey {
  /** Whose, and of which type; a gauge without a mode has none. */
  readonly family: Pick<FamilyKey, "kind" | "mode" | "writer">;
  /** The key of its value. */
  readonly data: string;
  /** The key of what is said about it. */
  readonly meta: string;
  /** What our own list of families would call it. */
  readonly text: string;
}

/** A sample that is read. */
export interface PythonSample extends PythonKey {
  /** The source it is part of: `<type>:<writer>`. */
  readonly source: string;
  /** The sample key. */
  readonly field: string;
}

/** The pattern that finds the keys of values. */
export function pythonPattern(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]]/g, "\\$&")}:*:metric:*`;
}

/**
 * Reads a key; `undefined` when it is not one of Python's.
 *
 * @param keys The names of the keys that begin with the prefix.
 */
export function parsePythonKey(
  prefix: string,
  keys: RedisKeys,
  key: string,
): PythonKey | undefined {
  if (!key.startsWith(`${prefix}:`)) return undefined;
  const [type = "", writer = "", part, hash = "", ...more] = key.slice(prefix.length + 1).split(
    ":",
  );
  if (part !== "metric" || more.length > 0 || !/^\d+$/.test(writer)) return undefined;
  const text = `${type}:${writer}:${hash}`;
  const found = { data: keys.data(text), meta: keys.meta(text), text };
  if (type === "gauge" && hash !== "") {
    return { ...found, family: { kind: "gauge", mode: undefined, writer } };
  }
  const family = parseFamily(text);
  return family && { ...found, family };
}

/**
 * Selects what is read: gauges without a mode only where none with the same sample key has one.
 *
 * @param found All keys, with the reply to HMGET `original_key` `multiprocess_mode`.
 */
export function selectPythonSamples(
  found: readonly (readonly [key: PythonKey, meta: readonly (string | null)[]])[],
): PythonSample[] {
  const withMode = new Set<string>();
  for (const [{ family }, [field]] of found) {
    if (field && family.mode !== undefined) withMode.add(field);
  }
  const samples: PythonSample[] = [];
  for (const [key, [field, metaMode]] of found) {
    if (!field) continue;
    let { family } = key;
    if (family.kind === "gauge" && family.mode === undefined) {
      if (withMode.has(field)) continue;
      family = { ...family, mode: isGaugeMode(metaMode ?? "") ? metaMode as GaugeMode : "all" };
    }
    const source = formatFamily({ ...family, hash: "" }).slice(0, -1);
    samples.push({ ...key, family, field, source });
  }
  return samples;
}

/** Reads a number as Python prints it; `undefined` for any other text. */
export function parsePythonNumber(text: unknown): number | undefined {
  if (typeof text !== "string" || text.length > 40) return undefined;
  if (/^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text)) return Number(text);
  switch (text) {
    case "inf":
      return Infinity;
    case "-inf":
      return -Infinity;
    case "nan":
      return NaN;
  }
  return undefined;
}
