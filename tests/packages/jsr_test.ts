import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { startPackageRegistry } from "../support/package_registry.ts";
import { waitFor } from "../support/wait_for.ts";

const APP = `
let answered = 0;
export default { fetch: () => new Response(String(++answered)) };
`;

const PROGRAM = `
import { aggregate, Counter, openStorage } from "jsr:@gpe/cli";
import { linearBuckets } from "jsr:@gpe/cli@0.1/core";
import { nodeHandler } from "jsr:@gpe/cli/node";
await using _storage = openStorage({ directory: "metrics" });
const counter = new Counter({ name: "published_total", help: "Counted" });
counter.inc(0.5);
// @ts-expect-error: types have come
const text: string = counter;
console.log((await aggregate()).split("\\n")[2], typeof linearBuckets, typeof nodeHandler);
`;

Deno.test("what is published runs from a JSR registry", async (t) => {
  await using registry = await startPackageRegistry();
  await Deno.writeTextFile(`${registry.directory}/app.ts`, APP);

  for (const [workerClass, main] of [["process", "worker_main"], ["thread", "thread_host"]]) {
    const command = "run -A jsr:@gpe/cli serve app.ts --workers 2";
    await t.step(`deno ${command}, with ${workerClass} workers`, async () => {
      const bind = `127.0.0.1:${freePort()}`;
      const flags = workerClass === "process" ? [] : ["--worker-class", workerClass!];
      await using gpe = registry.deno([...command.split(" "), "--bind", bind, ...flags], {
        PROMETHEUS_MULTIPROC_DIR: `${registry.directory}/${workerClass}`,
        PROMETHEUS_BIND_ADDRESS: "127.0.0.1",
        PROMETHEUS_METRICS_PORT: "0",
      });
      const [, metrics] = await gpe.waitForOutput(/^Metrics endpoint +(\S+)$/m);
      const read = async () => parseExposition(await (await fetch(metrics!)).text());
      await waitFor(async () =>
        sumOf(await read(), "gunicorn_workers", { state: "running" }) === 2
      );

      const answers: number[] = [];
      for (let i = 0; i < 40; i++) {
        const response = await fetch(`http://${bind}/`, { headers: { connection: "close" } });
        answers.push(Number(await response.text()));
      }
      const page = await read();
      assertEquals(sumOf(page, "gunicorn_worker_requests_total"), answers.length);
      // Both have answered, so none has answered all.
      assert(Math.max(...answers) < answers.length);
      const commands = await childCommands(gpe.pid);
      assert(commands.length >= (workerClass === "process" ? 2 : 1));
      const module = `${registry.packageUrl}src/adapters/deno/${main}.ts`;
      for (const command of commands) assertStringIncludes(command, module);
      assertEquals((await gpe.stop()).code, 0, gpe.stderr);
    });
  }

  await t.step('import { Counter } from "jsr:@gpe/cli", with its types', async () => {
    await Deno.writeTextFile(`${registry.directory}/main.ts`, PROGRAM);
    await using program = registry.deno(["run", "-A", "--check", "main.ts"]);
    assertEquals((await program.status).code, 0, program.stderr);
    assertEquals(program.stdout, "published_total 0.5 function function\n");
  });
});

/** The command lines of a program's children. */
async function childCommands(pid: number): Promise<string[]> {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  const texts = threads.map((tid) => Deno.readTextFile(`/proc/${pid}/task/${tid}/children`));
  const pids = (await Promise.all(texts)).join(" ").split(/\s+/).filter((child) => child !== "");
  return await Promise.all(pids.map((child) => Deno.readTextFile(`/proc/${child}/cmdline`)));
}
