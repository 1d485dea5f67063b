/**
 * `parseArgs` as "@std/cli" has it, over minimist: both share one ancestor, and differ in what is
 * adjusted here. Of a flag given twice the last one counts unless it is collected; `--no-x` negates
 * only what is negatable; `--x=` is an unknown flag named `x=`.
 *
 * @module
 */
import minimist from "minimist";

/** What is read from the command line. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
  T extends boolean = boolean,
> {
  /** Whether what follows `--` goes to the property `--` rather than to `_`. */
  "--"?: T;
  /** Other names of a flag. */
  alias?: Record<string, string | readonly string[]>;
  /** Flags without a value; false unless given. */
  boolean?: B | readonly B[];
  /** Values of flags that are not given. */
  default?: D;
  /** Whether everything after the first argument that is no flag goes to `_` unread. */
  stopEarly?: boolean;
  /** Flags whose value is text, even when it looks like a number. */
  string?: S | readonly S[];
  /** Flags that may be repeated; their values make an array. */
  collect?: C | readonly C[];
  /** Flags that `--no-<name>` sets to false. */
  negatable?: string | readonly string[];
  /** Asked about every argument that is not declared; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Value<K, V, D> = K extends keyof D ? V | D[K] : V extends string ? V | undefined : V;

/** The flags by name, and in `_` the arguments that are no flags. */
export type Args<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D = unknown,
  T extends boolean = boolean,
> =
  & ([B | S | C] extends [never]
    // deno-lint-ignore no-explicit-any
    ? Record<string, any>
    : Record<string, unknown>)
  & { [K in Exclude<B, C>]: Value<K, boolean, D> }
  & { [K in Exclude<S, C>]: Value<K, string, D> }
  & { [K in Extract<S, C>]: Value<K, string[], D> }
  & { [K in Exclude<C, S>]: Value<K, unknown[], D> }
  & { _: (string | number)[] }
  & (T extends true ? { "--": string[] } : unknown);

type Parsed = Record<string, unknown> & { _: (string | number)[] };
const parse: (args: string[], options: Record<string, unknown>) => Parsed = minimist;

/** Reads flags and arguments. */
export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  T extends boolean = false,
>(args: string[], options: ParseOptions<B, S, C, D, T> = {}): Args<B, S, C, D, T> {
  const ask = options.unknown ?? (() => true);
  const booleans = withAliases(list(options.boolean), options.alias);
  const strings = withAliases(list(options.string), options.alias);
  const collected = withAliases(list(options.collect), options.alias);
  const negatable = withAliases(list(options.negatable), options.alias);
  const known = new Set([...booleans, ...strings, ...Object.entries(options.alias ?? {}).flat(2)]);

  const plain: string[] = [];
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  for (let i = 0; i < end; i++) {
    const arg = args[i]!;
    const flag = /^--(.+?)(?:=(.+))?$/s.exec(arg);
    if (flag === null) {
      if (options.stopEarly && !/^-./.test(arg)) {
        plain.push(...args.slice(i, end));
        break;
      }
      plain.push(arg);
      continue;
    }
    const name = flag[1]!;
    if (flag[2] === undefined && name.startsWith("no-") && negatable.has(name.slice(3))) {
      plain.push(arg);
      continue;
    }
    let value = flag[2];
    const next = i + 1 < end ? args[i + 1] : undefined;
    if (value === undefined && next) {
      const takesNext = booleans.has(name) ? /^(true|false)$/.test(next) : !next.startsWith("-");
      if (takesNext) {
        value = next;
        i++;
      }
    }
    if (!known.has(name) && ask(arg, name, value ?? true) === false) continue;
    // minimist would take "--no-x" for a negation and "--x" for the start of a pair.
    if (value === undefined && strings.has(name)) value = "";
    if (value === undefined && name.startsWith("no-")) value = "true";
    plain.push(value === undefined ? `--${name}` : `--${name}=${value}`);
  }
  const parsed = parse([...plain, ...args.slice(end)], {
    boolean: [...booleans],
    string: [...strings],
    alias: options.alias,
    default: options.default,
    stopEarly: options.stopEarly,
    "--": options["--"],
    unknown: (arg: string) =>
      arg.startsWith("--") || (/^-./.test(arg) ? ask(arg, arg.slice(1), true) : ask(arg)),
  });
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "_" || name === "--" || value === options.default?.[name]) continue;
    if (collected.has(name)) parsed[name] = list(value === false ? undefined : value);
    else if (Array.isArray(value)) parsed[name] = value.at(-1);
  }
  for (const name of collected) {
    if (booleans.has(name) || strings.has(name)) parsed[name] ??= [];
  }
  return parsed as Args<B, S, C, D, T>;
}

function list<T>(value: T | readonly T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? [...value] : [value as T];
}

function withAliases(names: string[], alias: ParseOptions["alias"]): Set<string> {
  const all = new Set(names);
  for (const group of Object.entries(alias ?? {}).map((entry) => entry.flat() as string[])) {
    if (group.some((name) => all.has(name))) group.forEach((name) => all.add(name));
  }
  return all;
}
