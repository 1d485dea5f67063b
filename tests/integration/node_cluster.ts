/** A program that serves with two workers of Node's cluster, and the requests to it. */
import { request } from "node:http";
import { aggregate } from "../../src/mod.ts";
import { parseExposition } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { nodeProject, type NodeVersion, type ProjectKind } from "../support/node_project.ts";
import { ROOT, spawn, type Spawned } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";

/** What is served, and with what. */
export interface NodeClusterOptions {
  /** The module that each worker runs; it listens at port 8000, and has `/hello` and `/metrics`. */
  readonly source: string;
  /** Which Node. */
  readonly version: NodeVersion;
  /** Whether files are mapped. */
  readonly kind: ProjectKind;
  /** The module that starts the workers, which run `app.mjs`; default: `programs/cluster.mjs`. */
  readonly primary?: string;
}

/** Two workers that serve. */
export interface NodeCluster extends AsyncDisposable {
  /** What it says. */
  readonly program: Spawned;
  /** Ids of the workers that have begun to listen, in that order. */
  workers(): number[];
  /** When requests were answered, in milliseconds of `performance.now()`. */
  readonly answered: readonly number[];
  /** Sends requests, each over a connection of its own; one that fails is not answered. */
  send(count: number): Promise<void>;
  /** The page that a worker answers with. */
  page(): Promise<Map<string, number>>;
  /** Ends it in an orderly way. @returns what is stored then */
  stop(): Promise<Map<string, number>>;
}

/** Starts a cluster, and waits until both workers listen. */
export async function startNodeCluster(options: NodeClusterOptions): Promise<NodeCluster> {
  const project = await nodeProject();
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await project.folder(options.kind));
  const port = freePort();
  const primary = options.primary ??
    await Deno.readTextFile(new URL("tests/integration/programs/cluster.mjs", ROOT));
  await Deno.writeTextFile(`${folder.path}/cluster.mjs`, primary);
  const source = options.source.replaceAll("8000", `${port}`);
  await Deno.writeTextFile(`${folder.path}/app.mjs`, source);
  const directory = `${folder.path}/metrics`;
  const program = stack.use(
    spawn(project.node(options.version), ["cluster.mjs", "./app.mjs"], {
      cwd: folder.path,
      env: {
        PROMETHEUS_MULTIPROC_DIR: directory,
        PROMETHEUS_BIND_ADDRESS: "127.0.0.1",
        PROMETHEUS_METRICS_PORT: "0",
      },
    }),
  );
  const workers = (): number[] =>
    Array.from(program.stdout.matchAll(/^listening (\d+)\.$/gm), ([, pid]) => Number(pid));
  const isServing = async (): Promise<boolean> => (await get(port, "/metrics")).status === 200;
  await waitFor(options.primary === undefined ? () => workers().length === 2 : isServing, {
    what: () => `two workers; there is:\n${program.stdout}${program.stderr}`,
  });
  const parts = stack.move();
  const answered: number[] = [];
  return {
    program,
    workers,
    answered,
    async send(count) {
      let left = count;
      const run = async (): Promise<void> => {
        while (left-- > 0) {
          const status = await get(port, "/hello").then(({ status }) => status, () => undefined);
          if (status === 200) answered.push(performance.now());
        }
      };
      await Promise.all([run(), run(), run(), run()]);
    },
    page: async () => parseExposition((await get(port, "/metrics")).body),
    async stop() {
      await program.stop();
      return parseExposition(await aggregate({ directory }));
    },
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  };
}

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 3000;

/** A request over a connection of its own. */
function get(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => body += part);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    // The primary forgets a connection that it has handed to a worker which was killed just then.
    sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error("no answer")));
    sent.on("error", reject).end();
  });
}
