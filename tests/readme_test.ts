import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { flagText, formatSetting, SETTING_KEYS, SETTINGS } from "../src/config/settings.ts";
import { addsPidLabel, GAUGE_MODES, isLiveMode } from "../src/core/modes.ts";
import { decodeSampleKey } from "../src/core/sample_key.ts";
import { denoFilePrimitives } from "../src/adapters/deno/file_primitives.ts";
import { openFilesystemReader } from "../src/storage/filesystem/mod.ts";
import { freePort } from "./support/free_port.ts";
import { parseExposition } from "./support/exposition.ts";
import { shapeOf, testPage } from "./support/page_tests.ts";
import { readPage, readTable } from "./support/pages.ts";
import { spawnGpe } from "./support/spawn.ts";
import { tcpPort } from "./support/tcp_port.ts";
import { tempDir } from "./support/temp_dir.ts";
import { waitFor } from "./support/wait_for.ts";

const README = await readPage("README.md");

testPage(README);

Deno.test("README's table of settings says what the program knows", () => {
  const rows = SETTING_KEYS.map((key) => {
    const { env, description } = SETTINGS[key];
    return [
      flagText(key),
      env ?? "",
      formatSetting(key, SETTINGS[key].default),
      description,
    ];
  });
  assertEquals(readTable("settings", README.text), rows);
});

Deno.test("README's table of modes says what the modes do", () => {
  const rows = readTable("modes", README.text);
  assertEquals(rows.map(([mode]) => mode), [...GAUGE_MODES]);
  for (const mode of GAUGE_MODES.filter((mode) => mode !== "omit")) {
    const [, , labels, gone] = rows.find(([name]) => name === mode)!;
    assertEquals(
      [mode, labels, gone],
      [
        mode,
        addsPidLabel(mode) ? "and pid" : "as declared",
        isLiveMode(mode) ? "dropped" : "kept",
      ],
    );
  }
});

Deno.test("README's diagram names files that are there and the default ports", async () => {
  const diagram = README.blocks.find(({ kind }) => kind === "text diagram");
  await using dir = await tempDir();
  await using gpe = spawnServe(dir.path, "hello.ts");
  const [, app] = await gpe.waitForOutput(/^Application +(\S+)$/m);
  await (await fetch(app!)).text();
  const named = diagram!.text.match(/\b\w+_ID\.\w+/g)!;
  assertGreater(named.length, 3);
  for (const name of named) {
    const pattern = new RegExp(`^${name.replace("MODE", "[a-z]+").replace("ID", "\\d+(-\\d+)?")}$`);
    await waitFor(() => [...Deno.readDirSync(dir.path)].some((entry) => pattern.test(entry.name)), {
      what: `a file like ${name}`,
    });
  }
  for (const port of [tcpPort(SETTINGS.bind.default), SETTINGS.metricsPort.default]) {
    assertStringIncludes(diagram!.text, `http://localhost:${port}`);
    assertStringIncludes(README.text, `\`http://localhost:${port}`);
  }
});

Deno.test("README's table of metrics has every metric, with its type, mode and labels", async () => {
  await using dir = await tempDir();
  await using gpe = spawnServe(dir.path, "deno_serve.ts");
  const [, app] = await gpe.waitForOutput(/^Application +(\S+)$/m);
  const [, metrics] = await gpe.waitForOutput(/^Metrics endpoint +(\S+)$/m);
  await (await fetch(`${app}/echo`, { method: "POST", body: "x".repeat(2000) })).text();
  await (await fetch(`${app}/fail`)).text();

  const found = new Map<string, { type: string; labels: Set<string> }>();
  const note = (name: string, type: string, labels: Iterable<string>): void => {
    const known = found.get(name) ?? { type, labels: new Set() };
    assertEquals(known.type, type, name);
    for (const label of labels) if (label !== "le") known.labels.add(label);
    found.set(name, known);
  };
  // What is stored is known best by the files, with the modes.
  await using reader = openFilesystemReader({
    directory: dir.path,
    primitives: denoFilePrimitives,
  });
  for (const { kind, mode, keys } of (await reader.read()).sources) {
    for (const key of keys.map((key) => decodeSampleKey(key))) {
      assert(typeof key === "object" && key !== null);
      const name = kind === "counter" ? key.sample : key.metric;
      note(name, mode === undefined ? kind : `${kind} ${mode}`, key.labels.map(([label]) => label));
    }
  }
  // What the endpoint makes is on its page only.
  const page = await (await fetch(metrics!)).text();
  const types = new Map([...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, n, t]) => [n!, t!]));
  for (const key of parseExposition(page).keys()) {
    const [name, ...labels] = shapeOf(key).split(" ");
    if (/^gpe_|_sidecar_/.test(name!)) note(name!, types.get(name!)!, labels);
  }
  const described = readTable("metrics", README.text).map(([name, type, labels]) =>
    `${name}: ${type} (${labels!.split(", ").filter(Boolean).sort().join(", ")})`
  );
  const real = [...found].map(([name, { type, labels }]) =>
    `${name}: ${type} (${[...labels].sort().join(", ")})`
  );
  assertEquals(described.sort(), real.sort());
});

function spawnServe(directory: string, example: string) {
  return spawnGpe([
    "serve",
    `examples/${example}`,
    "--workers",
    "2",
    "--dir",
    directory,
    "--bind",
    `127.0.0.1:${freePort()}`,
    "--metrics-bind",
    "127.0.0.1",
    "--metrics-port",
    "0",
  ]);
}
