/** A Redis cluster of three masters. */
import { freePort } from "./free_port.ts";
import { type TestRedis, testRedis } from "./redis_client.ts";
import { type RedisServer, startRedis } from "./redis_server.ts";
import { waitFor } from "./wait_for.ts";

/** A running cluster; `await using` ends all of it. */
export interface RedisCluster extends AsyncDisposable {
  /** Where its nodes listen. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The nodes, in the same order. */
  readonly servers: readonly RedisServer[];
  /** The slot of a key. */
  slotOf(key: string): Promise<number>;
  /** Which of the nodes serves a slot. */
  ownerOf(slot: number): Promise<number>;
  /** Begins to move a slot to another node: keys may be on either from now on. */
  beginMigration(slot: number, to: number): Promise<SlotMigration>;
}

/** A slot on its way. */
export interface SlotMigration {
  /** Moves some of the keys. @returns How many */
  moveKeys(count: number): Promise<number>;
  /** Moves all that is left and gives the slot to the node. */
  finish(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts three masters that share the slots. */
export async function startCluster(args: readonly string[] = []): Promise<RedisCluster> {
  await using stack = new AsyncDisposableStack();
  const busPorts = [freePort(), freePort(), freePort()];
  const servers = await Promise.all(busPorts.map(async (bus) =>
    stack.use(
      await startRedis([
        ...["--cluster-enabled", "yes", "--cluster-port", `${bus}`],
        ...["--cluster-node-timeout", "2000", ...args],
      ]),
    )
  ));
  const clients: TestRedis[] = servers.map(({ port }) => stack.use(testRedis(port)));
  const share = Math.ceil(SLOTS / servers.length);
  await Promise.all(clients.map(async (client, index) => {
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    const last = Math.min((index + 1) * share, SLOTS) - 1;
    await client.call("CLUSTER", "ADDSLOTSRANGE", index * share, last);
  }));
  for (const [index, { port }] of servers.entries()) {
    await clients[0]!.call("CLUSTER", "MEET", "127.0.0.1", port, busPorts[index]!);
  }
  for (const client of clients) {
    await waitFor(async () => {
      const info = String(await client.call("CLUSTER", "INFO"));
      return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info) &&
        /cluster_size:3/.test(info);
    }, { what: "the cluster" });
  }
  const ids = await Promise.all(clients.map((client) => client.call("CLUSTER", "MYID")));
  const ownerOf = async (slot: number): Promise<number> => {
    const ranges = await clients[0]!.call("CLUSTER", "SLOTS") as [
      number,
      number,
      [string, number],
    ][];
    const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1];
    return servers.findIndex((server) => server.port === port);
  };
  const owned = stack.move();
  return {
    nodes: servers.map(({ port }) => ({ host: "127.0.0.1", port })),
    servers,
    slotOf: async (key) => Number(await clients[0]!.call("CLUSTER", "KEYSLOT", key)),
    ownerOf,
    async beginMigration(slot, to) {
      const from = await ownerOf(slot);
      const source = clients[from]!;
      const target = clients[to]!;
      const set = (client: TestRedis, state: string, node: number) =>
        client.call("CLUSTER", "SETSLOT", slot, state, String(ids[node]));
      await set(target, "IMPORTING", from);
      await set(source, "MIGRATING", to);
      const moveKeys = async (count: number): Promise<number> => {
        const keys = await source.call("CLUSTER", "GETKEYSINSLOT", slot, count) as string[];
        const { port } = servers[to]!;
        if (keys.length > 0) {
          await source.call("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", ...keys);
        }
        return keys.length;
      };
      return {
        moveKeys,
        async finish() {
          // Keys may be made at the source until the slot is the target's.
          while (await moveKeys(100) > 0);
          for (const client of [target, source, ...clients]) await set(client, "NODE", to);
        },
      };
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
