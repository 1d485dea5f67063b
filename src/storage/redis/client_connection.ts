/**
 * A connection through a client of `npm:ioredis`: `Redis` (one server, or a Sentinel group) or
 * `Cluster`.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import { StorageError } from "../../core/errors.ts";
import { type Log, SILENT_LOG } from "../../core/log.ts";
import type { RedisConnection } from "./connection.ts";
import { CONNECTION, problemLog } from "./problem_log.ts";
import type { RedisClient } from "./redis_client.ts";
import {
  isCut,
  isReadOnly,
  isServerState,
  NOT_CONNECTED,
  redisErrors,
  TIMED_OUT,
} from "./redis_errors.ts";
import { runScript, sendCommands } from "./send_commands.ts";
import { refuseServer } from "./server_check.ts";

export type { RedisClient, RedisPipeline } from "./redis_client.ts";

/** How {@linkcode clientConnection} works. */
export interface ClientConnectionOptions {
  /** What the client connects to, for messages. @default {"Redis"} */
  readonly target?: string;
  /** Texts that must not be in a message. */
  readonly secrets?: readonly string[];
  /** Told each problem once, and when all are over. @default {SILENT_LOG} */
  readonly log?: Log;
  /** How long a command may take, in milliseconds. @default {5000} */
  readonly commandTimeoutMs?: number;
  /** Whether the client is somebody else's: it connects anew by itself, and is not closed. */
  readonly injected?: boolean;
  /** Whether a replica is refused. */
  readonly masterOnly?: boolean;
}

/** How long to wait before it is tried again to connect: doubled each time, half of it by chance. */
const RETRY_MS = { first: 100, most: 2000 };

/** How soon a server that loads its data is asked again. */
const LOADING_RETRY_MS = 250;

/**
 * How long a connection to a server that refuses writes is kept: behind a host name another server
 * may be the master by now, or there may be a read-only replica for good.
 */
const READONLY_KEPT_MS = 10_000;

/** How long the end of a connection is waited for, and how often it is asked for. */
const CLOSE_MS = 1000;
const AGAIN_MS = 200;

/**
 * Makes a connection of a client. It fails fast while there is none: nothing is queued, so memory
 * stays bounded. A client that is not injected must not connect anew by itself, nor queue commands.
 */
export function clientConnection(
  client: RedisClient,
  options: ClientConnectionOptions = {},
): RedisConnection {
  const { commandTimeoutMs = 5000, log = SILENT_LOG, injected = false } = options;
  const { target = "Redis", secrets = [], masterOnly = false } = options;
  const errors = redisErrors(target, secrets);
  const problems = problemLog(log, `Redis at ${JSON.stringify(target)} works again`);
  let connectedSince: number | undefined;
  // What is known about a connection holds for that one only.
  let connection = 0;
  // The connection that must not be used: it selected no database, or lags behind.
  let dropped = -1;
  let attempts = 0;
  // Whether it has been told why the attempt to connect fails.
  let failed = false;
  let sentinelError: unknown;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const later = (action: () => void, ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(action, ms);
    timer.unref();
  };
  const connect = (): void => {
    if (closed) return;
    client.connect().catch((error) => {
      // Most errors come as an event before, which says more.
      if (!failed) problems.raise(CONNECTION, errors.connecting(error).message);
    });
  };
  const drop = (): void => {
    dropped = connection;
    failed = true;
    connectedSince = undefined;
    if (injected || isClosed(client)) return;
    client.disconnect();
    // A redirection that comes just then makes a new connection, and the cluster's client waits for
    // the end of that one, too.
    later(drop, AGAIN_MS);
  };
  const giveUp = (): void => {
    problems.raise(CONNECTION, errors.connecting(new Error(TIMED_OUT)).message);
    drop();
  };
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    let limit: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      limit = setTimeout(() => reject(new Error(TIMED_OUT)), commandTimeoutMs);
    });
    const mine = connection;
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      const failure = errors.command(error);
      if (error instanceof Error && error.message === TIMED_OUT && mine === connection) {
        problems.raise(CONNECTION, failure.message);
        drop();
        // Another's client is left alone, but gets no more to do until it answers.
        const again = (): void => void (mine === connection && check());
        if (injected) work.then(again, again);
      } else if (isCut(failure) && !client.isCluster && mine === connection) {
        connectedSince = undefined; // The event "close" comes some turns later.
      }
      throw failure;
    } finally {
      clearTimeout(limit);
    }
  };
  const check = async (): Promise<void> => {
    const mine = connection;
    try {
      const refused = await inTime(refuseServer(client, masterOnly));
      if (mine !== connection || closed || (dropped === mine && !injected)) return;
      if (refused === undefined) {
        attempts = 0;
        clearTimeout(timer);
        connectedSince = performance.now();
        problems.clear(CONNECTION);
        return;
      }
      problems.raise(CONNECTION, errors.connecting(refused).message);
      if (/^LOADING/.test(refused.message)) {
        later(() => void (mine === connection && check()), LOADING_RETRY_MS);
      } else drop();
    } catch (error) {
      if (mine !== connection || closed) return;
      problems.raise(CONNECTION, errors.connecting(error).message);
      drop();
    }
  };

  const listeners = {
    connecting: () => {
      connection++;
      connectedSince = undefined;
      failed = closed;
      sentinelError = undefined;
      // A server that accepts connections and says nothing gives no event.
      if (!injected) later(giveUp, 2 * commandTimeoutMs);
    },
    ready: () => {
      if (dropped !== connection) void check();
    },
    error: (error: unknown) => {
      failed = true;
      const inVain = error instanceof Error && error.message.startsWith("All sentinels");
      // After the last Sentinel the list begins anew, which is no news.
      if (inVain && sentinelError === undefined) return;
      const told = inVain ? sentinelError : error;
      problems.raise(CONNECTION, errors.connecting(told).message);
      // ioredis goes on in database 0 when the one wanted cannot be selected.
      if (error instanceof Error && error.name === "ReplyError") drop();
    },
    // The error after the last Sentinel does not say what was wrong; who refuses says more than who
    // does not answer.
    sentinelError: (error: unknown) => {
      if (sentinelError === undefined || !isCut(errors.connecting(error))) sentinelError = error;
    },
    close: () => {
      if (connectedSince !== undefined && !closed) {
        problems.raise(CONNECTION, errors.connecting("closed").message);
      }
      connection++;
      connectedSince = undefined;
    },
    end: () => {
      if (closed || injected) return;
      const delay = Math.min(RETRY_MS.first * 2 ** attempts++, RETRY_MS.most);
      later(connect, delay * (0.5 + Math.random() / 2));
    },
  };
  for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
  if (client.status === "ready") void check();
  else if (client.status === "wait") connect();

  const expectConnected = (): void => {
    if (connectedSince !== undefined) return;
    if (problems.problem === undefined) throw errors.command(new Error(NOT_CONNECTED));
    throw new StorageError(problems.problem, target);
  };
  /** Notes how an operation went. @returns What to give for the error */
  const note = (topic: string, error: unknown): Error => {
    const failure = errors.command(error);
    if (!isServerState(failure)) return failure;
    if (connectedSince !== undefined) problems.raise(topic, failure.message);
    const old = performance.now() - READONLY_KEPT_MS;
    if (isReadOnly(failure) && connectedSince !== undefined && connectedSince < old) drop();
    return failure;
  };

  return {
    get connectedSince() {
      return connectedSince;
    },
    get problem() {
      return problems.problem;
    },
    async send(commands) {
      if (commands.length === 0) return [];
      expectConnected();
      const topic = [...new Set(commands.map(([name]) => name))].join(" ");
      let refused = false;
      const replies = (await inTime(sendCommands(client, commands))).map((reply) => {
        if (!(reply instanceof Error)) return reply;
        const failure = note(topic, reply);
        refused ||= isServerState(failure);
        return failure;
      });
      if (!refused) problems.clear(topic);
      return replies;
    },
    async run(script, keys, args) {
      expectConnected();
      try {
        const reply = await inTime(runScript(client, script, keys, args));
        problems.clear(script.name);
        return reply;
      } catch (error) {
        throw note(script.name, error);
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      connectedSince = undefined;
      clearTimeout(timer);
      if (!injected) await end(client);
      for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
    },
  };
}

/** Of a connection that is closed already ioredis would remember the wish for the next one. */
function isClosed({ status }: RedisClient): boolean {
  return status === "close" || status === "end";
}

/** Ends the connection, and waits for that: sockets are closed some turns later. */
async function end(client: RedisClient): Promise<void> {
  if (client.status === "end") return;
  const ended = new Promise<boolean>((resolve) => client.on("end", () => resolve(true)));
  for (let waited = 0; waited < CLOSE_MS; waited += AGAIN_MS) {
    if (!isClosed(client)) client.disconnect();
    let limit: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      limit = setTimeout(() => resolve(false), AGAIN_MS);
    });
    const done = await Promise.race([ended, late]);
    clearTimeout(limit);
    if (done) return;
  }
}
