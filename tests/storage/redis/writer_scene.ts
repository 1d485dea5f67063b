/** A real server with a writer, for tests of what is written, and what when something goes wrong. */
import { encodeSampleKey } from "../../../src/core/sample_key.ts";
import type { Cell, ReadProblem } from "../../../src/core/storage.ts";
import { awaitConnection, connectRedis } from "../../../src/storage/redis/connect.ts";
import {
  expectReplies,
  type RedisCommand,
  type RedisConnection,
} from "../../../src/storage/redis/connection.ts";
import { formatFamily, type RedisKeys, redisKeys } from "../../../src/storage/redis/keys.ts";
import type { GaugeMode } from "../../../src/core/modes.ts";
import type { MetricKind } from "../../../src/core/storage.ts";
import { familyHash } from "../../../src/storage/redis/keys.ts";
import {
  type FlushOutcome,
  openRedisWriter,
  type RedisWriter,
  type RedisWriterOptions,
} from "../../../src/storage/redis/writer.ts";
import { startRedis } from "../../support/redis_server.ts";

/** What becomes of a call. */
export type Fate = "fine" | "request lost" | "reply lost";

/** A connection on which calls get lost when the test says so. */
export interface LossyConnection extends RedisConnection {
  /** Asked about every script that is run. */
  fate: (scriptName: string) => Fate;
  /** How often it seems to have connected anew. */
  reconnected: number;
  /** Sends one command. */
  ask(...command: RedisCommand): Promise<unknown>;
}

/** Connects to a server on this host. */
export async function lossyConnection(port: number): Promise<LossyConnection> {
  const inner = connectRedis({ host: "127.0.0.1", port });
  await awaitConnection(inner);
  const lossy: LossyConnection = {
    fate: () => "fine",
    reconnected: 0,
    get connectedSince() {
      return inner.connectedSince && inner.connectedSince + lossy.reconnected;
    },
    get problem() {
      return inner.problem;
    },
    async send(commands) {
      if (lossy.fate("send") === "request lost") throw new Error("the request was lost");
      return await inner.send(commands);
    },
    async run(script, keys, args) {
      const fate = lossy.fate(script.name);
      if (fate === "request lost") throw new Error("the request was lost");
      const reply = await inner.run(script, keys, args);
      if (fate === "reply lost") throw new Error("the reply was lost");
      return reply;
    },
    async ask(...command) {
      return expectReplies(await inner.send([command]))[0];
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
  return lossy;
}

/** A server, a connection and a writer that flushes only when told to. */
export interface WriterScene extends AsyncDisposable {
  readonly port: number;
  readonly connection: LossyConnection;
  readonly keys: RedisKeys;
  readonly writer: RedisWriter;
  readonly problems: ReadProblem[];
  readonly outcomes: FlushOutcome[];
  /** The clock of the writer, milliseconds since the epoch. */
  nowMs: number;
  /** What is stored of one of the writer's families, by sample key. */
  stored(
    kind: MetricKind,
    mode: GaugeMode | undefined,
    name: string,
    writer?: string,
  ): Promise<Map<string, string>>;
}

/** The prefix of all keys. */
export const PREFIX = "a:b";

/** Makes a scene. */
export async function writerScene(
  options: Partial<RedisWriterOptions> = {},
): Promise<WriterScene> {
  await using stack = new AsyncDisposableStack();
  const { port } = stack.use(await startRedis());
  const connection = stack.use(await lossyConnection(port));
  const keys = redisKeys(PREFIX);
  const problems: ReadProblem[] = [];
  const outcomes: FlushOutcome[] = [];
  const scene = { nowMs: Date.now() };
  const writer = stack.use(openRedisWriter({
    connection,
    keyPrefix: PREFIX,
    pid: 7,
    host: "host",
    incarnation: "abc",
    ttlMs: 300_000,
    flushIntervalMs: 2 ** 30,
    now: () => scene.nowMs,
    onProblem: (problem) => problems.push(problem),
    onFlush: (outcome) => outcomes.push(outcome),
    ...options,
  }));
  const moved = stack.move();
  return Object.assign(scene, {
    port,
    connection,
    keys,
    writer,
    problems,
    outcomes,
    stored: (kind: MetricKind, mode: GaugeMode | undefined, name: string, id = writer.writer) =>
      readHash(
        connection,
        keys.data(formatFamily({ kind, mode, writer: id, hash: familyHash(name) })),
      ),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  });
}

/** The fields of a hash. */
export async function readHash(
  connection: LossyConnection,
  key: string,
): Promise<Map<string, string>> {
  const reply = await connection.ask("HGETALL", key) as string[];
  const fields = new Map<string, string>();
  for (let i = 0; i < reply.length; i += 2) {
    fields.set(reply[i] as string, reply[i + 1] as string);
  }
  return fields;
}

/** The key of a sample whose name is its metric's. */
export function keyOf(name: string, labels: Readonly<Record<string, string>> = {}): string {
  return encodeSampleKey(name, name, labels, "Help");
}

/** Puts a value into a slot. */
export function put({ values, index }: Cell, value: number): void {
  values[index] = value;
}
