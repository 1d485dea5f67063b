/**
 * Connecting to Redis.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import { setTimeout } from "node:timers";
import { ConfigError, StorageError } from "../../core/errors.ts";
import { SILENT_LOG } from "../../core/log.ts";
import { clientConnection, type ClientConnectionOptions } from "./client_connection.ts";
import type { RedisConnection } from "./connection.ts";
import {
  redisContradictions,
  type RedisEndpoint,
  redisEndpoint,
  type RedisOptions,
} from "./options.ts";
import { loadWithPermittedEnv } from "./permitted_env.ts";
import type { RedisClient } from "./redis_client.ts";

/**
 * Connects in the background: the connection is there at once, and not connected until the server
 * has answered. What does not work is logged, and tried again for ever.
 *
 * Permissions: net for the servers; read for the system's certificates.
 *
 * @throws {ConfigError} when options are malformed or contradict each other
 */
export function connectRedis(options: RedisOptions): RedisConnection {
  const { client, log = SILENT_LOG, commandTimeoutMs = 5000 } = options;
  if (client !== undefined) {
    const problems = redisContradictions(options);
    if (problems.length > 0) throw new ConfigError(problems);
    return clientConnection({ client }, { log, commandTimeoutMs, target: "the given client" });
  }
  const endpoint = redisEndpoint(options);
  const { target } = endpoint;
  const settings: ClientConnectionOptions = {
    log,
    commandTimeoutMs,
    target,
    secrets: [endpoint.password, options.sentinelPassword ?? ""],
    masterOnly: (options.sentinels ?? []).length > 0,
  };
  let problem: string | undefined;
  const opened = loadClients().then(
    (clients) => clientConnection({ make: () => makeClient(clients, endpoint, options) }, settings),
    (error) => {
      problem = `Cannot connect to Redis at ${JSON.stringify(target)}: ioredis is not there ` +
        `(${/^.*?(?=\. |\n|$)/.exec(error.message)}), so metrics stay in memory, ` +
        'expected it installed ("npm install ioredis" or "deno add npm:ioredis")';
      log.error(problem);
      return undefined;
    },
  );
  let connection: RedisConnection | undefined;
  let disposed = false;
  void opened.then((made) => disposed ? undefined : connection = made);
  const use = (): RedisConnection => {
    if (connection !== undefined) return connection;
    const waiting = `Cannot use Redis at ${JSON.stringify(target)}: there is no connection yet`;
    throw new StorageError(problem ?? `${waiting}, expected one`, target);
  };
  return {
    get connectedSince() {
      return connection?.connectedSince;
    },
    get problem() {
      return problem ?? connection?.problem;
    },
    // A failure is a rejection, as when the connection is there.
    send: async (commands) => await use().send(commands),
    run: async (script, keys, args) => await use().run(script, keys, args),
    async [Symbol.asyncDispose]() {
      disposed = true;
      await (await opened)?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * Waits until the server has answered; for programs that do one thing and end.
 *
 * @throws {StorageError} as soon as something does not work, or when the limit, in milliseconds, is over
 */
export async function awaitConnection(
  connection: Pick<RedisConnection, "connectedSince" | "problem">,
  limitMs = 10_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (connection.connectedSince === undefined) {
    const late = performance.now() > end
      ? "Cannot connect to Redis: there was no answer"
      : undefined;
    const problem = connection.problem ?? late;
    if (problem !== undefined) throw new StorageError(problem, "redis");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The classes of ioredis, with what is used of them. */
interface Clients {
  /** One server, or a Sentinel group. */
  readonly Redis: new (options: object) => RedisClient;
  /** A cluster. */
  readonly Cluster: new (nodes: readonly object[], options: object) => RedisClient;
}

/**
 * Where ioredis is found. On Deno the application's import map comes first, so that its lock file
 * stays as it is; on Node it is looked for where this package is.
 */
const SPECIFIERS = "Deno" in globalThis ? ["ioredis", "npm:ioredis@^6.0.0"] : ["ioredis"];

/**
 * Loads ioredis when it is needed. Deno would look for a specifier that stands in an `import()` when
 * the program starts, and write it to the application's lock file or, when that is frozen, refuse to
 * start, with or without Redis. Where an application has a `node_modules` it is the application's.
 */
async function loadClients(): Promise<Clients> {
  const failures: unknown[] = [];
  for (const specifier of SPECIFIERS) {
    try {
      return asClients(await loadWithPermittedEnv(() => import(specifier)));
    } catch (error) {
      failures.push(error);
    }
  }
  // A package that is linked rather than installed is not where the application's packages are.
  for (const from of [() => `${process.cwd()}/`, () => process.argv[1] ?? ""]) {
    try {
      return asClients(createRequire(from())("ioredis"));
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[SPECIFIERS.length - 1]; // What it says about the package is the clearest.
}

function asClients(module: Partial<Clients>): Clients {
  const { Redis, Cluster } = module;
  if (Redis !== undefined && Cluster !== undefined) return { Redis, Cluster };
  throw new Error("what is there is older than 5.3");
}

/** A client that leaves to us when to connect, and never keeps or repeats a command. */
function makeClient(
  { Redis, Cluster }: Clients,
  endpoint: RedisEndpoint,
  options: RedisOptions,
): RedisClient {
  const { sentinels = [], clusterNodes = [], commandTimeoutMs = 5000 } = options;
  const tls = endpoint.tls
    ? { tls: typeof options.tls === "object" ? { ca: options.tls.ca } : {} }
    : {};
  const common = {
    ...endpoint.username === "" ? {} : { username: endpoint.username },
    ...endpoint.password === "" ? {} : { password: endpoint.password },
    ...tls,
    connectTimeout: commandTimeoutMs,
    disconnectTimeout: 100,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    protocol: 2,
  };
  const alone = {
    ...common,
    db: endpoint.db,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: null,
  };
  if (clusterNodes.length > 0) {
    return unreferenced(
      new Cluster(clusterNodes.map(({ host, port }) => ({ host, port })), {
        lazyConnect: true,
        enableOfflineQueue: false,
        enableReadyCheck: false,
        clusterRetryStrategy: null,
        slotsRefreshTimeout: commandTimeoutMs,
        // A name in a certificate is the name of a node: it must not become an address.
        ...endpoint.tls ? { dnsLookup: keepName } : {},
        redisOptions: common,
      }),
    );
  }
  if (sentinels.length > 0) {
    return unreferenced(
      new Redis({
        ...alone,
        // A first one that never answers must not keep us from the others every time.
        sentinels: sentinels.map(({ host, port }) => ({ host, port }))
          .sort(() => Math.random() - 0.5),
        name: options.sentinelName ?? "mymaster",
        ...options.sentinelPassword ? { sentinelPassword: options.sentinelPassword } : {},
        ...endpoint.tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls.tls } : {},
        sentinelRetryStrategy: null,
        sentinelCommandTimeout: commandTimeoutMs,
      }),
    );
  }
  return unreferenced(new Redis({ ...alone, host: endpoint.host, port: endpoint.port }));
}

type Lookup = (error: null, address: string) => void;

function keepName(hostname: string, callback: Lookup): void {
  callback(null, hostname);
}

/** Lets a process end although it is connected: a program whose work is done is done. */
function unreferenced(client: RedisClient): RedisClient {
  const onConnect = (one: RedisClient & { stream?: { unref?(): void } }): void => {
    one.on("connect", () => one.stream?.unref?.());
  };
  if (client.isCluster) client.on("+node", (node) => onConnect(node as RedisClient));
  else onConnect(client);
  return client;
}
