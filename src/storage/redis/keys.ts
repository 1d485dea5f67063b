/**
 * The names of all keys.
 *
 * ```text
 * {prefix}:{type}[_{mode}]:{writer}:metric:{hash}   one writer's samples of one metric family
 * {prefix}:{type}[_{mode}]:{writer}:meta:{hash}     what the family is: for people, and its format
 * {prefix}:gpe:…                                    what writers, readers and retirers agree about
 * ```
 *
 * The hash is the MD5 of the family's name: a short name, not a secret. A prefix may hold colons, so
 * keys are read from the right.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type GaugeMode, isGaugeMode } from "../../core/modes.ts";
import type { MetricKind } from "../../core/storage.ts";

/** The version of the layout of keys and values; readers skip families of another one. */
export const FORMAT_VERSION = "1";

/** Stands where a data key names its writer: the folded totals of retired writers. No writer has it. */
export const RETIRED_WRITER = "~retired";

/** What a data key says about the samples in it. */
export interface FamilyKey {
  /** The type of the metric. */
  readonly kind: MetricKind;
  /** The mode of a gauge. */
  readonly mode: GaugeMode | undefined;
  /** The writer's id, or {@linkcode RETIRED_WRITER}. */
  readonly writer: string;
  /** The MD5 of the family's name, in hexadecimal digits. */
  readonly hash: string;
}

/** The hash of a family's name, as data keys have it. */
export function familyHash(name: string): string {
  return createHash("md5").update(name).digest("hex");
}

/** A family as text, which is also its entry in the set of families. */
export function formatFamily({ kind, mode, writer, hash }: FamilyKey): string {
  return `${mode === undefined ? kind : `${kind}_${mode}`}:${writer}:${hash}`;
}

/** Whether a text may be a writer's id: printable ASCII without spaces and colons. */
export function isWriterId(text: string): boolean {
  return /^[!-9;-~]+$/.test(text) && text !== RETIRED_WRITER;
}

/** Reads what {@linkcode formatFamily} makes; `undefined` for any other text. */
export function parseFamily(text: string): FamilyKey | undefined {
  if (!/^[!-~]+$/.test(text)) return undefined;
  const [type = "", writer = "", hash = "", ...rest] = text.split(":");
  if (writer === "" || hash === "" || rest.length > 0) return undefined;
  const type_ = parseType(type);
  return type_ && { ...type_, writer, hash };
}

/** Reads `counter`, `gauge_livesum` …; `undefined` for any other text. */
function parseType(text: string): Pick<FamilyKey, "kind" | "mode"> | undefined {
  switch (text) {
    case "counter":
    case "histogram":
    case "summary":
      return { kind: text, mode: undefined };
  }
  const mode = text.startsWith("gauge_") ? text.slice("gauge_".length) : "";
  return isGaugeMode(mode) ? { kind: "gauge", mode } : undefined;
}

/** The id of a writer: pids and host names repeat, so a random incarnation is part of it. */
export function writerId(pid: number, host: string, incarnation: string): string {
  return `${pid}@${host.replace(/[^A-Za-z0-9._-]/g, "_")}~${incarnation}`;
}

/** The incarnation in a writer's id; empty in ids of other programs. */
export function incarnationOf(writer: string): string {
  return writer.slice(writer.lastIndexOf("~") + 1 || writer.length);
}

/** The keys of one prefix. */
export interface RedisKeys {
  /** Hash: the writers that have data, with the time each started, in seconds since the epoch. */
  readonly writers: string;
  /** Set: all data keys, as {@linkcode formatFamily} writes them. */
  readonly families: string;
  /** Raised by everything that adds or removes a writer or a family, and by each step of a fold. */
  readonly generation: string;
  /** Random, made with the first write: tells whether the data was lost. */
  readonly epoch: string;
  /** Who retires writers, for some seconds. */
  readonly lease: string;
  /** There while the writer lives. */
  alive(writer: string): string;
  /** The number of the writer's last flush script. */
  sequence(writer: string): string;
  /** There once the writer was retired: `<sequence> <milliseconds since the epoch>`. */
  tombstone(writer: string): string;
  /** The samples of a family, by its text. */
  data(family: string): string;
  /** What is said about a family, by its text. */
  meta(family: string): string;
}

/** The names of the keys that begin with a prefix. */
export function redisKeys(prefix: string): RedisKeys {
  const own = `${prefix}:gpe:`;
  const familyKey = (family: string, part: string): string => {
    const end = family.lastIndexOf(":");
    return `${prefix}:${family.slice(0, end)}:${part}${family.slice(end)}`;
  };
  return {
    writers: `${own}writers`,
    families: `${own}families`,
    generation: `${own}generation`,
    epoch: `${own}epoch`,
    lease: `${own}lease`,
    alive: (writer) => `${own}alive:${writer}`,
    sequence: (writer) => `${own}sequence:${writer}`,
    tombstone: (writer) => `${own}tombstone:${writer}`,
    data: (family) => familyKey(family, "metric"),
    meta: (family) => familyKey(family, "meta"),
  };
}

/**
 * The prefix to use on a cluster: with a hash tag, all keys of one prefix are in one slot, so that
 * scripts may touch several of them.
 */
export function clusterPrefix(prefix: string): string {
  return /\{[^}]+\}/.test(prefix) ? prefix : `{${prefix}}`;
}
