/** A Redis master with replicas, watched by Sentinels. */
import { freePort } from "./free_port.ts";
import { externals } from "./externals.ts";
import { testRedis } from "./redis_client.ts";
import { type RedisServer, startRedis } from "./redis_server.ts";
import { spawn } from "./spawn.ts";
import { tempDir } from "./temp_dir.ts";
import { waitFor } from "./wait_for.ts";

/** A running group; `await using` ends all of it. */
export interface Sentinels extends AsyncDisposable {
  /** Where the Sentinels listen. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The name by which they know the master. */
  readonly name: string;
  /** The master and its two replicas, in any order. */
  readonly servers: readonly RedisServer[];
  /** The port of the server that is the master now. */
  masterPort(): Promise<number>;
  /** Kills the master and has another server take its place. @returns Its port */
  failOver(): Promise<number>;
  /** Has another server take the master's place, dead or alive. @returns Its port */
  handOver(): Promise<number>;
}

const NAME = "mymaster";

/**
 * Starts one master, two replicas and three Sentinels. They do as they are told, and nothing by
 * themselves: on a busy machine a master that is only slow would be replaced as well, and for a while
 * there would be two.
 */
export async function startSentinels(args: readonly string[] = []): Promise<Sentinels> {
  await using stack = new AsyncDisposableStack();
  const quick = [
    "--shutdown-timeout",
    "0",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-ping-replica-period",
    "1",
    ...args,
  ];
  const master = stack.use(await startRedis(quick));
  const replicas = await Promise.all(
    [0, 1].map(async () =>
      stack.use(await startRedis([...quick, "--replicaof", "127.0.0.1", `${master.port}`]))
    ),
  );
  const servers = [master, ...replicas];
  const ports = [freePort(), freePort(), freePort()];
  const ids = ports.map((port) => port.toString(16).padStart(40, "0"));
  const dir = stack.use(await tempDir());
  await Promise.all(ports.map(async (port, index) => {
    // Told about each other they need not wait for their greetings.
    const others = ports.flatMap((other, at) =>
      at === index ? [] : [`sentinel known-sentinel ${NAME} 127.0.0.1 ${other} ${ids[at]}`]
    );
    const file = `${dir.path}/${port}.conf`;
    await Deno.writeTextFile(
      file,
      [
        ...[`port ${port}`, "bind 127.0.0.1", `dir ${dir.path}`, `sentinel myid ${ids[index]}`],
        `sentinel monitor ${NAME} 127.0.0.1 ${master.port} 2`,
        `sentinel down-after-milliseconds ${NAME} 600000`,
        `sentinel failover-timeout ${NAME} 3000`,
        ...replicas.map(({ port }) => `sentinel known-replica ${NAME} 127.0.0.1 ${port}`),
        ...others,
      ].join("\n") + "\n",
    );
    const sentinel = stack.use(spawn(externals["redis-server"]!, [file, "--sentinel"]));
    await sentinel.waitForOutput(/Sentinel ID is|\+monitor/);
    await using client = testRedis(port);
    for (const period of ["info-period", "ask-period"]) {
      await client.call("SENTINEL", "DEBUG", period, "100");
    }
    // Who has not heard of a promotion for four of these periods takes it back.
    await client.call("SENTINEL", "DEBUG", "publish-period", "1000");
    // A machine that is busy for two seconds is no reason to rest for thirty.
    await client.call("SENTINEL", "DEBUG", "tilt-trigger", "60000");
    await waitFor(async () => {
      const text = String(await client.call("INFO", "sentinel"));
      return /status=ok.*slaves=2,sentinels=3/.test(text);
    }, { what: "Sentinels that know each other" });
  }));
  await using client = testRedis(master.port);
  await waitFor(
    async () => /connected_slaves:2/.test(String(await client.call("INFO", "replication"))),
    { what: "replicas" },
  );
  const ask = async (port: number): Promise<number> => {
    await using client = testRedis(port);
    const address = await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
    return Number((address as string[])[1]);
  };
  const handOver = async (old: number): Promise<number> => {
    await using sentinel = testRedis(ports[0]!);
    return await waitFor(async () => {
      const [port = old, ...rest] = await Promise.all(ports.map(ask));
      if (port === old) {
        // Refused while one is under way, and while it knows no replica that answers.
        await sentinel.call("SENTINEL", "FAILOVER", NAME).catch(() => {});
        return undefined;
      }
      if (rest.some((other) => other !== port)) return undefined;
      await using client = testRedis(port);
      return /role:master/.test(String(await client.call("INFO", "replication"))) && port;
    }, { deadlineMs: 120_000, intervalMs: 50, what: "another master" });
  };
  const owned = stack.move();
  return {
    sentinels: ports.map((port) => ({ host: "127.0.0.1", port })),
    name: NAME,
    servers,
    masterPort: () => ask(ports[0]!),
    async failOver() {
      const old = await ask(ports[0]!);
      await servers.find(({ port }) => port === old)!.kill();
      return await handOver(old);
    },
    async handOver() {
      return await handOver(await ask(ports[0]!));
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
