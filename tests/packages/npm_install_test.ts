import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { packNpmPackage } from "../../tools/npm_package.ts";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { freePort } from "../support/free_port.ts";
import { NODE_VERSIONS, nodeProject, runNpm } from "../support/node_project.ts";
import { startRedis } from "../support/redis_server.ts";
import { type Finished, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";

const QUIET = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];

const ESM = `
import { aggregate, Counter, openStorage } from "@gpe/cli";
const storage = openStorage(JSON.parse(process.argv[2]));
new Counter({ name: "installed_total", help: "Counted" }).inc(0.5);
console.log((await aggregate()).split("\\n").find((line) => line.startsWith("installed_total")));
await storage[Symbol.asyncDispose]();
`;

const CJS = `
const { Counter, register } = require("@gpe/cli");
new Counter({ name: "required_total", help: "Counted" }).inc();
register.metrics().then((text) => console.log(text.split("\\n")[2]));
`;

const TYPED_CJS = `
import { Counter } from "@gpe/cli";
new Counter({ name: "a", help: "A" }).inc();
`;

externalTest("the archive installs with npm, alone", ["npm", "redis-server"], async (_, t) => {
  const project = await nodeProject();
  // A directory of its own, where npm and Node find no other packages.
  await using folder = await tempDir();
  const directory = folder.path;
  await Deno.writeTextFile(`${directory}/package.json`, `{ "private": true, "type": "module" }`);
  const archive = await packNpmPackage(project.packagePath, directory);
  await runNpm(["install", ...QUIET, archive], directory);
  await Deno.writeTextFile(`${directory}/main.mjs`, ESM);
  await Deno.writeTextFile(`${directory}/main.cjs`, CJS);

  await t.step("without its optional peers", () => {
    const names = [...Deno.readDirSync(`${directory}/node_modules`)].map(({ name }) => name).sort();
    const wanted = ["@gpe", "@opentelemetry", "bintrees", "prom-client", "tdigest"];
    assertEquals(names.filter((name) => !name.startsWith(".")), wanted);
  });

  for (const version of NODE_VERSIONS) {
    await t.step(`and runs on Node ${version}`, async () => {
      const options = JSON.stringify({ directory: `${directory}/metrics_${version}` });
      const esm = await run(project.node(version), ["main.mjs", options], directory);
      assertEquals([esm.code, esm.stdout, esm.stderr], [0, "installed_total 0.5\n", ""]);
      const cjs = await run(project.node(version), ["main.cjs"], directory);
      assertEquals([cjs.code, cjs.stdout], [0, "required_total 1\n"]);
    });
  }

  await Deno.copyFile("examples/node_cluster.mjs", `${directory}/node_cluster.mjs`);
  for (const version of NODE_VERSIONS) {
    await t.step(`and runs examples/node_cluster.mjs on Node ${version}`, async () => {
      const [port, orders] = [freePort(), 40];
      const env = {
        PORT: `${port}`,
        GUNICORN_WORKERS: "2",
        PROMETHEUS_BIND_ADDRESS: "127.0.0.1",
        PROMETHEUS_METRICS_PORT: "0",
        PROMETHEUS_MULTIPROC_DIR: `${directory}/cluster_${version}`,
      };
      const args = ["node_cluster.mjs"];
      await using service = spawn(project.node(version), args, { cwd: directory, env });
      const [metrics] = await service.waitForOutput(/http:\/\/\S+\/metrics/);
      const read = async () => parseExposition(await (await fetch(metrics)).text());
      const running = async () => sumOf(await read(), "gunicorn_workers", { state: "running" });
      await waitFor(async () => await running() === 2, { what: () => service.stderr });
      for (let i = 0; i < orders; i++) {
        const options = { headers: { connection: "close" } };
        const answer = await fetch(`http://127.0.0.1:${port}/?item=tea`, options);
        assertEquals(await answer.text(), "One tea\n");
      }
      const name = "gunicorn_worker_requests_total";
      // Without koffi workers write what they have counted ten times a second.
      const samples = await waitFor(async () => {
        const page = await read();
        const names = ["shop_orders_total", name];
        return names.every((name) => sumOf(page, name) >= orders) ? page : undefined;
      });
      assertEquals(sumOf(samples, "shop_orders_total", { item: "tea" }), orders);
      assertEquals(sumOf(samples, name), orders);
      for (const id of ["worker_1", "worker_2"]) {
        assert(sumOf(samples, name, { worker_id: id }) > 0);
      }
      assertEquals((await service.stop()).code, 0, service.stderr);
    });
  }

  await t.step("and says that ioredis is missing when it is asked for", async () => {
    const options = JSON.stringify({ redis: { host: "127.0.0.1" } });
    const { code, stderr } = await run(project.node(20), ["main.mjs", options], directory);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "ioredis is not there (Cannot find package 'ioredis'");
  });

  const { dependencies } = JSON.parse(await Deno.readTextFile("tests/support/npm/package.json"));
  const beside = ["@types/node", "express-prom-bundle", "prom-client"];
  const pinned = beside.map((name) => `${name}@${dependencies[name]}`);
  // The other tests use the newest ioredis: here is the oldest that will do.
  await runNpm(["install", ...QUIET, ...pinned, "ioredis@5.3.0"], directory);

  await t.step("and shares prom-client with the application's libraries", async () => {
    assertEquals(JSON.parse(await runNpm(["query", "#prom-client"], directory)).length, 1);
  });

  await t.step("and uses the application's ioredis, wherever the program is started", async () => {
    await using redis = await startRedis();
    const args = [`${directory}/main.mjs`, JSON.stringify({ redis: { url: redis.url } })];
    const { stdout, stderr } = await run(project.node(20), args, "/");
    assertEquals([stdout, stderr], ["installed_total 0.5\n", ""]);
  });

  const config = JSON.parse(await Deno.readTextFile("deno.json"));
  const names = Object.keys(config.exports).map((path) => path.replace(/^\./, "@gpe/cli"));
  await Deno.writeTextFile(`${directory}/main.ts`, typedProgram(names));
  await Deno.writeTextFile(`${directory}/main.cts`, TYPED_CJS);
  for (
    const setting of [
      ["--module", "nodenext", "main.ts", "main.cts"],
      ["--module", "esnext", "--moduleResolution", "bundler", "main.ts"],
    ]
  ) {
    await t.step(`and passes tsc --strict ${setting.join(" ")}`, async () => {
      const tsc = `${project.root}/node_modules/typescript/bin/tsc`;
      const strict = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
      const target = ["--noEmit", "--target", "es2022", "--types", "node"];
      const args = [tsc, ...strict, ...target, ...setting];
      const { code, stdout } = await run(project.node(22), args, directory);
      assertEquals([code, stdout], [0, ""]);
    });
  }
});

/** A program that imports everything, and is in error where types are missing or Deno's are there. */
function typedProgram(names: readonly string[]): string {
  return `
    ${names.map((name, index) => `import * as m${index} from "${name}";`).join("\n")}
    console.log(${names.map((_, index) => `m${index}`).join()});
    const counter = new m0.Counter({ name: "a_total", help: "A", labelNames: ["shop"] });
    counter.inc({ shop: "north" });
    // @ts-expect-error: there is no such label
    counter.inc({ town: "north" });
    const answer: (request: Request) => Promise<Response> = m0.metricsHandler();
    // @ts-expect-error: types have come, not "any"
    answer.none;
    // @ts-expect-error: Deno's types are not there
    Deno.version;
  `;
}

async function run(program: string, args: readonly string[], cwd: string): Promise<Finished> {
  await using node = spawn(program, args, { cwd });
  const { code } = await node.status;
  return { code, stdout: node.stdout, stderr: node.stderr };
}
