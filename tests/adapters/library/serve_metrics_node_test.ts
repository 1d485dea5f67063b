import { assertEquals } from "@std/assert";
import { freePort } from "../../support/free_port.ts";
import { parseExposition } from "../../support/exposition.ts";
import { nodeProject } from "../../support/node_project.ts";
import { spawn } from "../../support/spawn.ts";
import { waitFor } from "../../support/wait_for.ts";

Deno.test("serveMetrics() on Node has one process listen, and another take over", async () => {
  const project = await nodeProject();
  await using folder = await project.folder("mapped");
  const port = freePort();
  await Deno.writeTextFile(
    `${folder.path}/program.mjs`,
    `import { Counter, openStorage, serveMetrics } from "@gpe/cli";
    const storage = openStorage({ directory: "${folder.path}/metrics" });
    new Counter({ name: "jobs_total", help: "h" }).inc(3);
    const metrics = await serveMetrics({ hostname: "127.0.0.1", port: ${port} });
    console.log("port", metrics.port);
    process.stdin.resume().on("end", () => console.log("end"));
    setTimeout(() => {}, process.argv[2]);`,
  );
  const start = (node: 20 | 24, lifeMs: number) =>
    spawn(project.node(node), ["program.mjs", `${lifeMs}`], { cwd: folder.path });
  const total = async (): Promise<number | undefined> => {
    const page = await fetch(`http://127.0.0.1:${port}/metrics`);
    return parseExposition(await page.text()).get("jobs_total");
  };
  await using first = start(20, 600_000);
  await first.waitForOutput(new RegExp(`port ${port}`));
  await using second = start(24, 600_000);
  await second.waitForOutput(/port undefined/);
  await waitFor(async () => await total() === 6);
  await first.stop("SIGKILL");
  await waitFor(async () => await total() === 6);
  // With nothing else to do, the port is no reason to go on.
  await using third = start(24, 0);
  assertEquals((await third.status).code, 0, third.stderr);
  assertEquals(second.stderr, "");
});
