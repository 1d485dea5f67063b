import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/core/errors.ts";
import { type ConfigSources, describeOrigin, loadConfig } from "../../src/config/load.ts";
import { redisOptions } from "../../src/config/redis.ts";
import { formatSetting, SETTING_KEYS, SETTINGS } from "../../src/config/settings.ts";

function sources(
  env: Record<string, string> = {},
  flags: ConfigSources["flags"] = {},
): ConfigSources {
  return { flags, env: (name) => env[name] };
}

Deno.test("loadConfig() has the documented defaults when nothing is given", () => {
  const { config, origins } = loadConfig(sources());
  assertEquals(config, {
    directory: "/tmp/prometheus_multiproc",
    metrics: { hostname: "0.0.0.0", port: 9091 },
    bind: { hostname: "127.0.0.1", port: 8000 },
    workers: 1,
    workerClass: "process",
    gracefulTimeoutMs: 30_000,
    timeoutMs: 30_000,
    maxRequests: 0,
    maxRequestsJitter: 0,
    denoFlags: [],
    certificate: undefined,
    pidFile: undefined,
    workingDirectory: undefined,
    workerEnv: [],
    reload: false,
    keepAliveMs: undefined,
    accessLog: undefined,
    sizesByEndpoint: false,
    metricPrefix: "gunicorn",
    layout: "timestamp",
    cleanupDbFiles: true,
    retire: false,
    redis: {
      enabled: false,
      url: undefined,
      hostname: "localhost",
      port: 6379,
      db: 0,
      username: undefined,
      password: undefined,
      sentinels: [],
      sentinelName: "mymaster",
      sentinelPassword: undefined,
      clusterNodes: [],
      caFile: undefined,
      keyPrefix: "gunicorn",
      ttlSeconds: 300,
      ttlDisabled: false,
      python: false,
    },
    logLevel: "info",
    logFormat: "text",
  });
  assertEquals(new Set(Object.values(origins).map((origin) => origin.kind)), new Set(["default"]));
});

Deno.test("loadConfig() prefers flags to environment to defaults, and knows which it took", () => {
  const { config, origins } = loadConfig(sources(
    { GUNICORN_WORKERS: "3", PROMETHEUS_METRICS_PORT: "9100", PROMETHEUS_BIND_ADDRESS: "" },
    {
      workers: ["5"],
      "deno-flag": ["--allow-net", "--allow-read"],
      "log-level": ["warn", "debug"],
    },
  ));
  assertEquals(config.workers, 5);
  assertEquals(config.metrics, { hostname: "0.0.0.0", port: 9100 });
  assertEquals(config.denoFlags, ["--allow-net", "--allow-read"]);
  assertEquals(config.logLevel, "debug", "of a flag given twice the last one counts");
  assertEquals(describeOrigin(origins.workers), "--workers");
  assertEquals(describeOrigin(origins.metricsPort), "PROMETHEUS_METRICS_PORT");
  assertEquals(describeOrigin(origins.metricsHostname), "default", "an empty variable is not set");
});

Deno.test("loadConfig() reads every variable of both tables", () => {
  const { config } = loadConfig(sources({
    PROMETHEUS_MULTIPROC_DIR: "/run/metrics",
    PROMETHEUS_METRICS_PORT: "9200",
    PROMETHEUS_BIND_ADDRESS: "::1",
    GUNICORN_WORKERS: "4",
    CLEANUP_DB_FILES: "false",
    REDIS_ENABLED: "true",
    REDIS_HOST: "redis.internal",
    REDIS_PORT: "6380",
    REDIS_DB: "2",
    REDIS_KEY_PREFIX: "a:b",
    REDIS_TTL_SECONDS: "60",
    REDIS_USERNAME: "metrics",
    REDIS_PASSWORD: "p@ss word",
    REDIS_SENTINELS: "a:26379, [::1]:26380",
    REDIS_SENTINEL_MASTER: "main",
    REDIS_SENTINEL_PASSWORD: "s",
    REDIS_SSL_CAFILE: "/etc/ca.pem",
    REDIS_TTL_DISABLED: "yes",
    REDIS_PYTHON: "1",
  }));
  assertEquals(config.directory, "/run/metrics");
  assertEquals(config.metrics, { hostname: "::1", port: 9200 });
  assertEquals(config.workers, 4);
  assertEquals(config.cleanupDbFiles, false);
  assertEquals(config.redis, {
    enabled: true,
    url: undefined,
    hostname: "redis.internal",
    port: 6380,
    db: 2,
    username: "metrics",
    password: "p@ss word",
    sentinels: [{ hostname: "a", port: 26379 }, { hostname: "::1", port: 26380 }],
    sentinelName: "main",
    sentinelPassword: "s",
    clusterNodes: [],
    caFile: "/etc/ca.pem",
    keyPrefix: "a:b",
    ttlSeconds: 60,
    ttlDisabled: true,
    python: true,
  });
});

Deno.test("loadConfig() lists every problem with its value, its origin and what was expected", () => {
  const error = assertThrows(
    () =>
      loadConfig(sources(
        { PROMETHEUS_METRICS_PORT: "abc", REDIS_DB: "-1" },
        { "worker-class": ["fiber"], bind: ["unix:"], "deno-flag": ["--ok", ""] },
      )),
    ConfigError,
  );
  assertEquals(error.problems, [
    'PROMETHEUS_METRICS_PORT is "abc", expected a port from 0 to 65535',
    '--bind is "unix:", expected HOST:PORT, [IPV6]:PORT, :PORT or PORT with a port from 0 to 65535, or unix:PATH',
    '--worker-class is "fiber", expected "process" or "thread"',
    '--deno-flag is "", expected a flag of deno run',
    'REDIS_DB is "-1", expected a whole number from 0 to 2147483647',
  ]);
});

Deno.test("every setting's default is text that its own parser accepts", () => {
  const { values } = loadConfig(sources());
  for (const key of SETTING_KEYS) {
    if (key === "denoFlags" || key === "workerEnv") continue; // An empty list has no text.
    const text = formatSetting(key, values[key]);
    assertEquals(SETTINGS[key].parser.parse(text), values[key], `${key} as ${text}`);
  }
});

Deno.test("no flag or variable names two settings, and each setting has one of them", () => {
  const names = SETTING_KEYS.map((key) => SETTINGS[key]).flatMap(({ flag, env }) =>
    [flag === undefined ? undefined : `--${flag}`, env].filter((name) => name !== undefined)
  );
  assertEquals(names.length, new Set(names).size);
  for (const key of SETTING_KEYS) {
    assertEquals(SETTINGS[key].flag !== undefined || SETTINGS[key].env !== undefined, true, key);
  }
});

Deno.test("loadConfig() takes Redis for the storage when its flag or REDIS_ENABLED says so", () => {
  const url = "redis://:p%23@h:1/2";
  assertEquals(loadConfig(sources({ REDIS_URL: url })).config.redis.enabled, false);
  assertEquals(loadConfig(sources({ REDIS_URL: url, REDIS_ENABLED: "on" })).config.redis.url, url);
  const { redis } = loadConfig(sources({ REDIS_ENABLED: "no" }, { "redis-url": [url] })).config;
  assertEquals([redis.enabled, redis.url], [true, url]);
});

Deno.test("loadConfig() leaves the application's own REDIS_URL alone", () => {
  const { config } = loadConfig(sources({ REDIS_URL: "unix:///run/redis.sock", REDIS_DB: "1" }));
  assertEquals(config.redis.enabled, false);
});

Deno.test("loadConfig() refuses Redis settings that contradict each other", () => {
  const env = { REDIS_ENABLED: "true" };
  const refused: [Record<string, string>, Record<string, string[]>, string][] = [
    [
      { REDIS_URL: "http://u:secret@h" },
      {},
      'REDIS_URL is "http://***@h", expected redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/DB], ' +
      "percent-encoded",
    ],
    [
      { REDIS_SENTINELS: "a:1", REDIS_CLUSTER_NODES: "b:2" },
      {},
      "REDIS_SENTINELS and REDIS_CLUSTER_NODES contradict each other, expected one of them",
    ],
    [
      { REDIS_SENTINELS: "a:1" },
      { "redis-url": ["redis://h"] },
      "--redis-url and REDIS_SENTINELS contradict each other, expected one of them",
    ],
    [
      { REDIS_CLUSTER_NODES: "a:1", REDIS_DB: "3" },
      {},
      'REDIS_DB is "3", but a cluster has no other database than 0, expected 0',
    ],
    [
      { REDIS_CLUSTER_NODES: "a:1", REDIS_PYTHON: "true" },
      {},
      "--redis-python reads keys that Python does not write to a cluster, " +
      "expected no REDIS_CLUSTER_NODES",
    ],
    [
      { REDIS_URL: "redis://h", REDIS_SSL_CAFILE: "/ca.pem" },
      {},
      "REDIS_SSL_CAFILE is given, but REDIS_URL has no TLS, expected rediss://",
    ],
    [
      { REDIS_USERNAME: "u" },
      {},
      "REDIS_USERNAME is given without a password, expected REDIS_PASSWORD",
    ],
    [
      { REDIS_PASSWORD: "secret\n" },
      {},
      "REDIS_PASSWORD is not accepted, expected a password without control characters",
    ],
    [
      { REDIS_SENTINELS: "a" },
      {},
      'REDIS_SENTINELS is "a", expected HOST:PORT,HOST:PORT with ports from 1 to 65535',
    ],
  ];
  for (const [more, flags, problem] of refused) {
    const error = assertThrows(() => loadConfig(sources({ ...env, ...more }, flags)), ConfigError);
    assertEquals(error.problems, [problem]);
  }
  const error = assertThrows(() => loadConfig(sources({}, { "redis-python": ["true"] })));
  assertInstanceOf(error, ConfigError);
  assertEquals(error.problems, [
    "--redis-python is given, but Redis is not the storage, expected --redis-url",
  ]);
});

Deno.test("formatSetting() shows no secret", () => {
  const { values } = loadConfig(sources({
    ...{ REDIS_URL: "redis://u:secret@h:1/2", REDIS_PASSWORD: "secret" },
    ...{ REDIS_SENTINEL_PASSWORD: "secret" },
  }));
  const shown = SETTING_KEYS.map((key) => formatSetting(key, values[key]));
  assert(!shown.join("\n").includes("secret"));
  assertEquals(formatSetting("redisUrl", values.redisUrl), "redis://***@h:1/2");
  assertEquals(formatSetting("redisPassword", values.redisPassword), "***");
});

Deno.test("redisOptions() gives the settings as options of the storage", () => {
  const { redis } = loadConfig(sources({
    ...{ REDIS_ENABLED: "1", REDIS_SENTINELS: "[::1]:1", REDIS_SSL_CAFILE: "/ca.pem" },
    ...{ REDIS_TTL_DISABLED: "1", REDIS_TTL_SECONDS: "7", REDIS_PASSWORD: "p" },
  })).config;
  assertEquals(redisOptions(redis, "PEM"), {
    host: "localhost",
    port: 6379,
    db: 0,
    password: "p",
    tls: { ca: "PEM" },
    sentinels: [{ host: "::1", port: 1 }],
    sentinelName: "mymaster",
    clusterNodes: [],
    keyPrefix: "gunicorn",
    ttlSeconds: 7,
    dataLifeSeconds: 0,
  });
});

Deno.test("loadConfig() takes the options of a program before the environment, and checks them alike", () => {
  const given = sources({ GUNICORN_WORKERS: "3", GUNICORN_TIMEOUT: "7" });
  const { config, origins } = loadConfig({
    ...given,
    options: { workers: 5, gracefulTimeoutMs: 1500, keep: true, directory: undefined },
  });
  assertEquals(config.workers, 5);
  assertEquals(config.timeoutMs, 7000);
  assertEquals(config.gracefulTimeoutMs, 1500);
  assertEquals(config.cleanupDbFiles, false);
  assertEquals(describeOrigin(origins.workers), "workers");
  const error = assertThrows(
    () => loadConfig({ ...given, options: { workers: 0.5, metricPrefix: "a-b" } }),
    ConfigError,
  );
  assertEquals(error.problems.map((problem) => problem.split(",")[0]), [
    'workers is "0.5"',
    'metricPrefix is "a-b"',
  ]);
});
