import { assertEquals } from "@std/assert";
import { parseExposition, sumOf } from "../../support/exposition.ts";
import { externalTest } from "../../support/externals.ts";
import { freePort } from "../../support/free_port.ts";
import { nodeProject, type NodeVersion } from "../../support/node_project.ts";
import { checkoutPath } from "../../integration/serving.ts";
import { spawn } from "../../support/spawn.ts";
import { workerValuesOf } from "../../support/worker_metrics.ts";
import { errorsIn } from "./errors_in.ts";

/** Runs a program of this folder on Node; gives what it prints. */
async function output(
  name: string,
  version: NodeVersion,
  args: readonly string[],
): Promise<string> {
  const project = await nodeProject();
  await using folder = await project.folder("plain");
  for (const file of [name, "asking.mjs"]) {
    const source = checkoutPath(`tests/adapters/frameworks/programs/${file}`);
    await Deno.copyFile(source, `${folder.path}/${file}`);
  }
  await using program = spawn(project.node(version), [name, ...args], {
    cwd: folder.path,
    env: {
      GPE_SIZES_BY_ENDPOINT: "true",
      PORT: `${freePort()}`,
      PROMETHEUS_MULTIPROC_DIR: `${folder.path}/metrics`,
    },
  });
  const { code } = await program.status;
  // A primary logs what happens.
  const complaints = program.stderr.split("\n").filter((line) => !/^\S+Z info /.test(line));
  assertEquals([code, complaints.join("\n")], [0, ""]);
  return program.stdout;
}

/** Runs one that prints the metrics of its process; gives those of the worker. */
async function run(
  name: string,
  version: NodeVersion,
  args: readonly string[] = [],
): Promise<Record<string, number>> {
  return workerValuesOf(await output(name, version, args));
}

/** The endpoints of the sizes of responses, with their numbers. */
function answersIn(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => {
      const found = /^response_size_bytes_count\{endpoint="(.*)"\}$/.exec(key);
      return found === null ? [] : [[found[1], value]];
    }),
  );
}

for (const [express, version] of [["express", 24], ["express4", 22]] as const) {
  externalTest(
    `expressMiddleware() tells templates of routers in routers, and errors of every kind, in ${express}`,
    ["npm"],
    async () => {
      const values = await run("express_edges.mjs", version, [express]);
      const isFive = express === "express";
      assertEquals(errorsIn(values), {
        failed: {
          "GET /shops/:shop/items/:item RangeError": 3,
          "GET /inner/deep/:x TypeError": 1,
          "GET /text/:id string": 1,
          "GET /late SyntaxError": 1,
          ...isFive && { "GET /async/:id URIError": 1 },
        },
        byStatus: {
          "GET /shops/:shop/items 500": 1,
          "GET /a,/b/:c 502": 2,
          "GET /^\\\\/re\\\\/(\\\\d+)$/ 503": 1,
        },
      });
      assertEquals(answersIn(values), {
        "/shops/:shop/items/:item": 3,
        "/shops/:shop/items": 1,
        "/inner/deep/:x": 1,
        "/@:user": 2,
        "/from/:a-:b": 1,
        "/old:0": 2,
        [isFive ? "/tree/:path" : "/tree/:0"]: 2,
        "/files/*": 2,
        "/a,/b/:c": 2,
        "/^\\\\/re\\\\/(\\\\d+)$/": 1,
        "/text/:id": 1,
        "/refused/:id": 1,
        "/recovered": 1,
        ...isFive && { "/async/:id": 1 },
        "__other__": 1,
      });
      assertEquals(values.requests_total, isFive ? 23 : 22);
      assertEquals(values.requests_in_progress, undefined);
    },
  );
}

externalTest(
  "fastifyPlugin tells templates with their prefixes, and errors that the app answers itself",
  ["npm"],
  async () => {
    const values = await run("fastify_edges.mjs", 20);
    assertEquals(errorsIn(values), {
      failed: {
        "GET /v1/users/:id RangeError": 1,
        "GET /v1/users/:id/async TypeError": 1,
        "GET /v1/users/:id/sent SyntaxError": 1,
        "GET /guarded/:id URIError": 1,
        "GET /own/:id EvalError": 1,
        "GET /text/:id string": 1,
        "GET /plain/:id RangeError": 1,
        "GET /stream/:id ReferenceError": 1,
      },
      byStatus: { "GET /v1/users/:id/status 503": 1 },
    });
    assertEquals(answersIn(values), {
      "/v1/users/:id": 1,
      "/v1/users/:id/async": 1,
      "/v1/users/:id/sent": 1,
      "/v1/users/:id/refused": 1,
      "/v1/users/:id/status": 1,
      "/guarded/:id": 1,
      "/own/:id": 1,
      "/text/:id": 1,
      "/plain/:id": 1,
      "/checked/:id": 2,
      "__other__": 1,
    });
    assertEquals(values.requests_total, 13);
  },
);

externalTest(
  "koaMiddleware() tells templates, and errors that others catch, outside and inside of it",
  ["npm"],
  async () => {
    const values = await run("koa_edges.mjs", 24);
    assertEquals(errorsIn(values), {
      failed: {
        "GET /shops/:shop/items/:item RangeError": 3,
        "GET /text/:id string": 1,
        "GET /torn/:id ReferenceError": 1,
        "GET /unread/:id EvalError": 1,
      },
      byStatus: { "GET /status/:id 503": 1, "GET /^\\\\/re\\\\/(\\\\d+)$/ 502": 1 },
    });
    assertEquals(values.requests_total, 13);
    assertEquals(answersIn(values)["__other__"], 2);
  },
);

for (const when of ["early", "late"]) {
  externalTest(
    `honoMiddleware() notes on the request of node:http when ${when} instrumentation meets its server`,
    ["npm"],
    async () => {
      const values = await run("hono_edges.mjs", 20, [when]);
      assertEquals(errorsIn(values), {
        failed: { "GET /users/:id RangeError": 1, "GET /text string": 1 },
        byStatus: {},
      });
      assertEquals(answersIn(values), {
        "/users/:id": 1,
        "/fine/:id": 1,
        "/native": 1,
        "/text": 1,
        "__other__": 1,
      });
      assertEquals(values.requests_total, 5);
    },
  );
}

externalTest(
  "recordServer() counts once when two copies of the package record",
  ["npm"],
  async () => {
    const { packagePath } = await nodeProject();
    const other = `${packagePath.replace("/plain/", "/mapped/")}/src/adapters/node/mod.js`;
    const values = await run("two_copies.mjs", 22, [other]);
    assertEquals(errorsIn(values), {
      failed: { "GET /fails RangeError": 1, "GET /own TypeError": 1 },
      byStatus: {},
    });
    assertEquals(values.requests_total, 4);
  },
);

for (const when of ["before", "after"]) {
  externalTest(
    `recordServer() counts once when a worker of the cluster calls it ${when} it listens`,
    ["npm"],
    async () => {
      const samples = parseExposition(await output("express_cluster.mjs", 22, [when]));
      const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
        sumOf(samples, `gunicorn_worker_${name}`, labels);
      assertEquals(sum("requests_total"), 20);
      assertEquals(sum("responses_total"), 20);
      const failure = { endpoint: "/fails/:id", error_type: "RangeError" };
      assertEquals([sum("failed_requests_total", failure), sum("failed_requests_total")], [10, 10]);
      assertEquals(sum("error_handling_total"), 10);
      assertEquals(sum("response_size_bytes_count", { endpoint: "/users/:id" }), 10);
      assertEquals(sum("response_size_bytes_count"), 20);
    },
  );
}

externalTest(
  "the adapters fit the types of Express, Fastify, Koa's router and Hono",
  ["npm"],
  async () => {
    const project = await nodeProject();
    await using folder = await project.folder("plain");
    const source = checkoutPath("tests/adapters/frameworks/programs/typed.mts");
    await Deno.copyFile(source, `${folder.path}/typed.mts`);
    const modules = `${project.root}/node_modules`;
    await using tsc = spawn(project.node(24), [
      `${modules}/typescript/bin/tsc`,
      ...["--strict", "--noEmit", "--skipLibCheck", "--module", "nodenext"],
      ...[
        "--lib",
        "es2024,dom,dom.iterable",
        "--typeRoots",
        `${modules}/@types`,
        "--types",
        "node",
      ],
      "typed.mts",
    ], { cwd: folder.path });
    const { code } = await tsc.status;
    assertEquals([code, tsc.stdout], [0, ""]);
  },
);
