/** What docs/node.md shows runs on real Node. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { SETTING_KEYS, SETTINGS } from "../src/config/settings.ts";
import { externalTest } from "./support/externals.ts";
import { freePort } from "./support/free_port.ts";
import { nodeProject, type NodeVersion } from "./support/node_project.ts";
import { assertSamples } from "./support/page_tests.ts";
import { commandLines, readPage, readTable } from "./support/pages.ts";
import { ROOT, spawn, type Spawned } from "./support/spawn.ts";
import { waitFor } from "./support/wait_for.ts";

const PAGE = await readPage("docs/node.md");

/** A directory with the page's programs, on ports of its own. */
async function startPage(stack: AsyncDisposableStack, version: NodeVersion) {
  const project = await nodeProject();
  const { path } = stack.use(await project.folder("mapped"));
  const ports = { app: freePort(), metrics: freePort() };
  for (const { text, kind } of PAGE.blocks) {
    if (kind !== "js") continue;
    const [, name] = /^\/\/ (\w+\.mjs)\n/.exec(text)!;
    await Deno.writeTextFile(`${path}/${name}`, text.replaceAll("8000", `${ports.app}`));
  }
  const env = {
    PORT: `${ports.app}`,
    PROMETHEUS_MULTIPROC_DIR: `${path}/metrics`,
    PROMETHEUS_BIND_ADDRESS: "127.0.0.1",
    PROMETHEUS_METRICS_PORT: `${ports.metrics}`,
  };
  const start = (program: string): Spawned =>
    spawn(project.node(version), [program], { cwd: path, env });
  return { ports, start };
}

externalTest("docs/node.md: the programs and commands work in their order", ["npm"], async () => {
  await using stack = new AsyncDisposableStack();
  const { ports, start } = await startPage(stack, 22);
  const pages: string[] = [];
  let running: Spawned | undefined;
  const stop = async (): Promise<void> => {
    const { code, signal } = await running?.stop() ?? { code: 0, signal: null };
    // What has no primary is ended by the signal.
    assert(code === 0 || signal === "SIGTERM", running?.stderr);
  };
  stack.defer(stop);
  let reloads = 0;
  for (const line of PAGE.blocks.filter(({ kind }) => kind === "sh").flatMap(commandLines)) {
    if (line.startsWith("npm install ")) {
      assertEquals(line, "npm install @gpe/cli koffi"); // as nodeProject() has done
    } else if (line.startsWith("node ")) {
      await stop();
      running = start(line.slice("node ".length));
      if (line !== "node alone.mjs") await running.waitForOutput(/worker_2 is running/);
    } else if (line.startsWith("kill -HUP ")) {
      Deno.kill(running!.pid, "SIGHUP");
      reloads++;
      await running!.waitForOutput(/Reloaded/);
    } else if (line.startsWith("curl ")) {
      const url = line.slice("curl ".length)
        .replace("localhost:8000", `127.0.0.1:${ports.app}`)
        .replace("localhost:9091", `127.0.0.1:${ports.metrics}`);
      const text = await waitFor(async () => {
        const response = await fetch(url, { headers: { connection: "close" } });
        const text = await response.text();
        return response.status === 200 && text;
      }, { what: () => `${url} to answer:\n${running!.stderr}` });
      if (url.endsWith("/metrics")) pages.push(text);
    } else {
      throw new Error(`Cannot run the line ${JSON.stringify(line)}: it is of no known kind`);
    }
  }
  assertEquals(reloads, 1);
  assertGreater(pages.length, 3);
  assertSamples(PAGE, pages);
});

Deno.test("docs/node.md has no code block that nothing checks", () => {
  const kinds = new Set(PAGE.blocks.map(({ kind }) => kind));
  assertEquals([...kinds].sort(), ["js", "sh", "text"]);
});

Deno.test("docs/node.md's table of options has every option, with variables that there are", async () => {
  const source = await Deno.readTextFile(new URL("src/adapters/node/primary.ts", ROOT));
  const [, body] = /export interface PrimaryOptions \{(.*?)\n\}/s.exec(source)!;
  const options = [...body!.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name!);
  const rows = readTable("options", PAGE.text);
  assertEquals(rows.flatMap(([names]) => names!.split(", ")).sort(), options.sort());
  const known = new Set(SETTING_KEYS.map((key) => SETTINGS[key].env));
  for (const [, variables] of rows) {
    for (const [name] of variables!.matchAll(/[A-Z]+_[A-Z_]+/g)) assert(known.has(name), name);
  }
});
