import { assertEquals, assertStringIncludes } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { parseExposition } from "../support/exposition.ts";
import { nodeProject } from "../support/node_project.ts";
import { spawn } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";

externalTest(
  "AggregatorRegistry: prom-client's cluster with the import changed counts dead and hanging workers",
  ["npm"],
  async () => {
    const project = await nodeProject();
    await using folder = await project.folder("mapped");
    await Deno.copyFile(new URL("cluster.cjs", import.meta.url), `${folder.path}/cluster.cjs`);
    await using program = spawn(project.node(22), ["cluster.cjs"], {
      cwd: folder.path,
      env: { PROMETHEUS_MULTIPROC_DIR: `${folder.path}/metrics` },
    });
    const [, metrics] = await program.waitForOutput(/^metrics (\d+)\.$/m);
    const started = () => [...program.stdout.matchAll(/^app (\d+), (\d+)\.$/gm)];
    await waitFor(() => started().length === 2);
    const app = started()[0]![1]!;
    const ask = async (path: string): Promise<number> =>
      Number(
        await (await fetch(`http://127.0.0.1:${app}${path}`, { headers: { connection: "close" } }))
          .text(),
      );
    const page = async (): Promise<string> =>
      await (await fetch(`http://127.0.0.1:${metrics}/`)).text();
    const total = async (): Promise<number | undefined> =>
      parseExposition(await page()).get('test_counter{"code":"200"}');

    let sent = 0;
    for (; sent < 100; sent++) await ask("/");
    assertEquals(await total(), sent);
    Deno.kill(Number(started()[0]![2]), "SIGKILL");
    await waitFor(() => started().length === 3);
    assertEquals(await total(), sent, "what a killed worker counted is there");
    const hanging = await ask("/hang");
    sent++;
    const start = performance.now();
    assertEquals(await total(), sent, "nobody waits for a worker that hangs");
    const waitedMs = performance.now() - start;
    assertEquals(waitedMs < 4000, true, `${waitedMs} ms: prom-client gives up after 5 s`);
    assertStringIncludes(await page(), "# TYPE test_counter counter\n");
    Deno.kill(hanging, "SIGKILL");
    assertEquals(program.stderr, "");
  },
);
