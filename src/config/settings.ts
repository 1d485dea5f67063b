/**
 * The table of all settings: this is the one place where a flag, a variable, a default and its
 * check are written down. Loading, `gpe config` and the help texts are made from it.
 *
 * @module
 */
import { REDIS_SETTINGS } from "./redis_settings.ts";
import type { Setting, Values } from "./setting.ts";
import {
  bindAddress,
  choice,
  formatBindAddress,
  hostname,
  integer,
  metricPrefix,
  onOff,
  optional,
  type Parser,
  port,
  secondsAsMs,
  text,
  variable,
} from "./parsers.ts";

/** The name of a setting in code. */
export type SettingKey = keyof Values;

const one = (parser: Parser<string>): Parser<readonly string[]> => ({
  expected: parser.expected,
  parse(text) {
    const value = parser.parse(text);
    return value === undefined ? undefined : [value];
  },
});

/** All settings, in the order they are printed. */
export const SETTINGS: { readonly [K in SettingKey]: Setting<Values[K]> } = {
  directory: {
    flag: "dir",
    env: "PROMETHEUS_MULTIPROC_DIR",
    default: "/tmp/prometheus_multiproc",
    placeholder: "DIR",
    group: "storage",
    description: "Directory of the metric files",
    parser: text("a directory"),
  },
  metricsHostname: {
    flag: "metrics-bind",
    env: "PROMETHEUS_BIND_ADDRESS",
    default: "0.0.0.0",
    placeholder: "HOST",
    group: "endpoint",
    description: "Address the metrics endpoint listens on",
    parser: hostname,
  },
  metricsPort: {
    flag: "metrics-port",
    env: "PROMETHEUS_METRICS_PORT",
    default: 9091,
    placeholder: "PORT",
    group: "endpoint",
    description: "Port of the metrics endpoint; 0 takes a free one",
    parser: port,
  },
  bind: {
    flag: "bind",
    default: { hostname: "127.0.0.1", port: 8000 },
    placeholder: "HOST:PORT",
    group: "serve",
    description: "Where the application listens; also [IPV6]:PORT, :PORT, PORT, unix:PATH",
    parser: bindAddress,
    format: formatBindAddress,
  },
  workers: {
    flag: "workers",
    env: "GUNICORN_WORKERS",
    default: 1,
    placeholder: "N",
    group: "serve",
    description: "Number of workers",
    parser: integer("a whole number", 1, 1024),
  },
  workerClass: {
    flag: "worker-class",
    default: "process",
    placeholder: "CLASS",
    group: "serve",
    description: 'How workers run: "process", or "thread", all in one process',
    parser: choice("process", "thread"),
  },
  gracefulTimeoutMs: {
    flag: "graceful-timeout",
    default: 30_000,
    placeholder: "SECONDS",
    group: "serve",
    description: "How long a stopping worker may take to finish its requests",
    parser: secondsAsMs,
    format: (ms) => String(ms / 1000),
  },
  timeoutMs: {
    flag: "timeout",
    env: "GUNICORN_TIMEOUT",
    default: 30_000,
    placeholder: "SECONDS",
    group: "serve",
    description: "How long a worker may take to start, or hang, before it is killed; 0 is for ever",
    parser: secondsAsMs,
    format: (ms) => String(ms / 1000),
  },
  maxRequests: {
    flag: "max-requests",
    default: 0,
    placeholder: "N",
    group: "serve",
    description: "After how many requests a worker is replaced; 0 is never",
    parser: integer("a whole number", 0, 1e12),
  },
  maxRequestsJitter: {
    flag: "max-requests-jitter",
    default: 0,
    placeholder: "N",
    group: "serve",
    description: "The most by which chance raises --max-requests",
    parser: integer("a whole number", 0, 1e12),
  },
  denoFlags: {
    flag: "deno-flag",
    repeatable: true,
    default: [],
    placeholder: "FLAG",
    group: "serve",
    description: "Flag for the workers' Deno, permissions included; may be repeated",
    parser: one(text("a flag of deno run")),
    format: (flags) => flags.join(" "),
  },
  certfile: {
    flag: "certfile",
    default: "",
    placeholder: "FILE",
    group: "serve",
    description: "Certificate chain for the application, PEM: it is served over TLS",
    parser: optional(text("a file")),
  },
  keyfile: {
    flag: "keyfile",
    default: "",
    placeholder: "FILE",
    group: "serve",
    description: "Private key of the certificate, PEM",
    parser: optional(text("a file")),
  },
  pidFile: {
    flag: "pid",
    default: "",
    placeholder: "FILE",
    group: "serve",
    description: "File that names the master's process id while it runs",
    parser: optional(text("a file")),
  },
  workingDirectory: {
    flag: "chdir",
    default: "",
    placeholder: "DIR",
    group: "serve",
    description: "Directory to work in: where APP and relative paths are looked for",
    parser: optional(text("a directory")),
  },
  workerEnv: {
    flag: "env",
    repeatable: true,
    default: [],
    placeholder: "NAME=VALUE",
    group: "serve",
    description: "Variable for the workers' environment; may be repeated",
    parser: variable,
    // Values may be secret: nobody wants them in the output of `gpe config`.
    format: (variables) => variables.map(({ name }) => name).join(" "),
  },
  reload: {
    flag: "reload",
    isSwitch: true,
    default: false,
    placeholder: "BOOL",
    group: "serve",
    description: "Replace the workers when a module of the app changes; for development",
    parser: onOff,
  },
  keepAliveMs: {
    flag: "keepalive",
    env: "GUNICORN_KEEPALIVE",
    default: undefined,
    placeholder: "SECONDS",
    group: "serve",
    description: "How long node:http keeps an idle connection; no effect on Deno.serve",
    parser: secondsAsMs,
    format: (ms) => ms === undefined ? "" : String(ms / 1000),
  },
  accessLog: {
    flag: "access-log",
    default: "",
    placeholder: "FILE",
    group: "serve",
    description: 'File of the access log, or "-" for stdout; none without it',
    parser: optional(text('a file or "-"')),
  },
  accessLogFormat: {
    flag: "access-log-format",
    default: "combined",
    placeholder: "FORMAT",
    group: "serve",
    description: "Form of a line of the access log: combined or json",
    parser: choice("combined", "json"),
  },
  sizesByEndpoint: {
    flag: "sizes-by-endpoint",
    env: "GPE_SIZES_BY_ENDPOINT",
    isSwitch: true,
    default: false,
    placeholder: "BOOL",
    group: "serve",
    description: "Tell the sizes of requests and responses by endpoint",
    parser: onOff,
  },
  metricPrefix: {
    flag: "metric-prefix",
    default: "gunicorn",
    placeholder: "PREFIX",
    group: "endpoint",
    description: "What the names of the worker, master and sidecar metrics begin with",
    parser: metricPrefix,
  },
  layout: {
    flag: "layout",
    default: "timestamp",
    placeholder: "LAYOUT",
    group: "serve",
    description: '"timestamp", or "value" beside Python\'s client before 0.18',
    parser: choice("timestamp", "value"),
  },
  cleanupDbFiles: {
    env: "CLEANUP_DB_FILES",
    default: true,
    placeholder: "BOOL",
    group: "serve",
    description: "Whether a start removes the files of the run before",
    parser: onOff,
  },
  keep: {
    flag: "keep",
    isSwitch: true,
    default: false,
    placeholder: "BOOL",
    group: "serve",
    description: "Go on with the totals of the run before, whose files are folded",
    parser: onOff,
  },
  retire: {
    flag: "retire",
    isSwitch: true,
    default: false,
    placeholder: "BOOL",
    group: "retire",
    description: "Fold files of Python's dead workers as well",
    parser: onOff,
  },
  ...REDIS_SETTINGS,
  logLevel: {
    flag: "log-level",
    default: "info",
    placeholder: "LEVEL",
    group: "log",
    description: "Lowest severity that is logged: debug, info, warn or error",
    parser: choice("debug", "info", "warn", "error"),
  },
  logFormat: {
    flag: "log-format",
    default: "text",
    placeholder: "FORMAT",
    group: "log",
    description: "Form of a log line: text or json",
    parser: choice("text", "json"),
  },
};

/** The names of all settings, in the order they are printed. */
export const SETTING_KEYS: readonly SettingKey[] = Object.keys(SETTINGS) as SettingKey[];

/** A value as text that the setting's parser accepts. */
export function formatSetting<K extends SettingKey>(key: K, value: Values[K]): string {
  const setting: Setting<Values[K]> = SETTINGS[key];
  return (setting.format ?? String)(value);
}

/** A setting's flag as it is written on a command line, such as `--workers N`; empty without one. */
export function flagText(key: SettingKey): string {
  const { flag, placeholder, isSwitch } = SETTINGS[key];
  return flag === undefined ? "" : isSwitch ? `--${flag}` : `--${flag} ${placeholder}`;
}
