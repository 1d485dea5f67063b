/**
 * A connection through a client of `npm:ioredis`: `Redis` (one server, or a Sentinel group) or
 * `Cluster`.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import { StorageError } from "../../core/errors.ts";
import { type Log, SILENT_LOG } from "../../core/log.ts";
import { type ClientSource, keepClient } from "./client_life.ts";
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
  /** Whether a replica is refused. */
  readonly masterOnly?: boolean;
}

/**
 * How long a connection to a server that refuses writes is kept: behind a host name another server
 * may be the master by now, or there may be a read-only replica for good.
 */
const READONLY_KEPT_MS = 10_000;

/**
 * Makes a connection of a client. It fails fast while there is none: nothing is queued, so memory
 * stays bounded.
 */
export function clientConnection(
  source: ClientSource,
  options: ClientConnectionOptions = {},
): RedisConnection {
  const { commandTimeoutMs = 5000, log = SILENT_LOG, masterOnly = false } = options;
  const { target = "Redis", secrets = [] } = options;
  const errors = redisErrors(target, secrets);
  const problems = problemLog(log, `Redis at ${JSON.stringify(target)} works again`);
  const life = keepClient(source, { errors, problems, commandTimeoutMs, masterOnly });

  const expectClient = (): RedisClient => {
    if (life.connectedSince !== undefined) return life.client;
    if (problems.problem === undefined) throw errors.command(new Error(NOT_CONNECTED));
    throw new StorageError(problems.problem, target);
  };
  const inTime = async <T>(client: RedisClient, work: Promise<T>): Promise<T> => {
    let limit: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      limit = setTimeout(() => reject(new Error(TIMED_OUT)), commandTimeoutMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      const failure = errors.command(error);
      if (error instanceof Error && error.message === TIMED_OUT) {
        if (client === life.client) problems.raise(CONNECTION, failure.message);
        life.drop(client, work);
      } else if (isCut(failure) && !client.isCluster) life.cut(client);
      throw failure;
    } finally {
      clearTimeout(limit);
    }
  };
  /** Notes how an operation failed. @returns What to give for the error */
  const note = (client: RedisClient, topic: string, error: unknown): Error => {
    const failure = errors.command(error);
    if (!isServerState(failure) || life.connectedSince === undefined) return failure;
    problems.raise(topic, failure.message);
    const old = performance.now() - READONLY_KEPT_MS;
    if (isReadOnly(failure) && life.connectedSince < old) life.drop(client, Promise.resolve());
    return failure;
  };

  return {
    get connectedSince() {
      return life.connectedSince;
    },
    get problem() {
      return problems.problem;
    },
    async send(commands) {
      if (commands.length === 0) return [];
      const client = expectClient();
      const topic = [...new Set(commands.map(([name]) => name))].join(" ");
      let refused = false;
      const replies = (await inTime(client, sendCommands(client, commands))).map((reply) => {
        if (!(reply instanceof Error)) return reply;
        const failure = note(client, topic, reply);
        refused ||= isServerState(failure);
        return failure;
      });
      if (!refused) problems.clear(topic);
      return replies;
    },
    async run(script, keys, args) {
      const client = expectClient();
      try {
        const reply = await inTime(client, runScript(client, script, keys, args));
        problems.clear(script.name);
        return reply;
      } catch (error) {
        throw note(client, script.name, error);
      }
    },
    [Symbol.asyncDispose]: () => life[Symbol.asyncDispose](),
  };
}
