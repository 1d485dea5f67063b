/**
 * Brings the layers of configuration together: flags over environment over defaults.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import type { Config, Origin, RedisConfig } from "./config.ts";
import { checkRedis, redisConfig } from "./redis.ts";
import type { Setting, Values } from "./setting.ts";
import { formatSetting, SETTING_KEYS, type SettingKey, SETTINGS } from "./settings.ts";

/** What the configuration is made from. */
export interface ConfigSources {
  /** The values of the flags that were given, by flag name without dashes. */
  readonly flags: Readonly<Record<string, readonly string[]>>;
  /** Looks up an environment variable. Only the variables of the table are asked for. */
  readonly env: (name: string) => string | undefined;
  /** What a program has given, by setting; stronger than the rest. */
  readonly options?: { readonly [K in SettingKey]?: Values[K] | undefined };
}

/** A validated configuration, and where each value came from. */
export interface LoadedConfig {
  /** The configuration. */
  readonly config: Config;
  /** The same values by setting. */
  readonly values: Readonly<Values>;
  /** The origin of each value. */
  readonly origins: Readonly<Record<SettingKey, Origin>>;
}

/**
 * The effective configuration.
 *
 * @throws {ConfigError} naming every value that is not accepted, one line each
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const { options = {} } = sources;
  const problems: string[] = [];
  const values: Partial<Values> = {};
  const origins: Partial<Record<SettingKey, Origin>> = {};
  const load = <K extends SettingKey>(key: K): void => {
    const setting: Setting<Values[K]> = SETTINGS[key];
    const given = find(key, sources);
    origins[key] = given.origin;
    values[key] = given.texts === undefined
      ? setting.default
      : parse(setting, given.texts, given.origin, problems, options[key]);
  };
  for (const key of SETTING_KEYS) load(key);
  if ((values.certfile === "") !== (values.keyfile === "")) {
    problems.push("--certfile and --keyfile belong together, expected both or none");
  }
  const complete = values as Values;
  const redis = redisConfig(complete, origins.redisUrl?.kind === "flag");
  problems.push(...checkRedis(redis, origins as Record<SettingKey, Origin>));
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    config: build(complete, redis),
    values: complete,
    origins: origins as Record<SettingKey, Origin>,
  };
}

/** An origin as messages and `gpe config` name it: `--workers`, `GUNICORN_WORKERS`, `default`. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "flag":
      return `--${origin.name}`;
    case "environment":
    case "option":
      return origin.name;
    case "default":
      return "default";
  }
}

/**
 * The layer that decides, strongest first. A configuration file will be one more layer here,
 * between the environment and the defaults.
 */
function find<K extends SettingKey>(
  key: K,
  { flags, env, options = {} }: ConfigSources,
): { origin: Origin; texts?: readonly string[] } {
  const { flag, env: variable } = SETTINGS[key];
  const option = options[key];
  if (option !== undefined) {
    return { origin: { kind: "option", name: key }, texts: [formatSetting(key, option)] };
  }
  const given = flag === undefined ? undefined : flags[flag];
  if (flag !== undefined && given !== undefined && given.length > 0) {
    return { origin: { kind: "flag", name: flag }, texts: given };
  }
  const text = variable === undefined ? undefined : env(variable);
  // A variable that is set to nothing is how shells and compose files say "not set".
  if (variable !== undefined && text !== undefined && text !== "") {
    return { origin: { kind: "environment", name: variable }, texts: [text] };
  }
  return { origin: { kind: "default" } };
}

function parse<T>(
  setting: Setting<T>,
  texts: readonly string[],
  origin: Origin,
  problems: string[],
  option: unknown,
): T {
  // Of a flag given twice the last one counts, as with every Unix tool.
  const relevant = setting.repeatable ? texts : texts.slice(-1);
  const parsed: T[] = [];
  for (const text of relevant) {
    const value = setting.parser.parse(text);
    if (value === undefined) {
      const { expected, expectedValue = expected } = setting.parser;
      const isOption = origin.kind === "option";
      const given = JSON.stringify(isOption ? String(option) : text);
      problems.push(
        `${describeOrigin(origin)} is ${setting.isSecret ? "not accepted" : given}, ` +
          `expected ${isOption ? expectedValue : expected}`,
      );
    } else {
      parsed.push(value);
    }
  }
  if (setting.repeatable) return parsed.flat() as T;
  return parsed[0] ?? setting.default;
}

function build(values: Values, redis: RedisConfig): Config {
  return {
    directory: values.directory,
    metrics: { hostname: values.metricsHostname, port: values.metricsPort },
    bind: values.bind,
    workers: values.workers,
    workerClass: values.workerClass,
    gracefulTimeoutMs: values.gracefulTimeoutMs,
    timeoutMs: values.timeoutMs,
    maxRequests: values.maxRequests,
    maxRequestsJitter: values.maxRequestsJitter,
    denoFlags: values.denoFlags,
    certificate: values.certfile === ""
      ? undefined
      : { certfile: values.certfile, keyfile: values.keyfile },
    pidFile: values.pidFile || undefined,
    workingDirectory: values.workingDirectory || undefined,
    workerEnv: values.workerEnv,
    reload: values.reload,
    keepAliveMs: values.keepAliveMs,
    accessLog: values.accessLog === ""
      ? undefined
      : { path: values.accessLog, format: values.accessLogFormat },
    sizesByEndpoint: values.sizesByEndpoint,
    metricPrefix: values.metricPrefix,
    layout: values.layout,
    cleanupDbFiles: values.cleanupDbFiles && !values.keep,
    retire: values.retire,
    redis,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
  };
}
