/** Importing the package does nothing, whatever is imported. */
import { assertEquals } from "@std/assert";
import { NODE_VERSIONS, nodeProject } from "./support/node_project.ts";
import { ROOT, spawn } from "./support/spawn.ts";
import { tempDir } from "./support/temp_dir.ts";

const { name, exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
  name: string;
  exports: Record<string, string>;
};
const PATHS = Object.entries(exports);

/**
 * Notes what is done to the process while `load` runs: global names and values, listeners and timers.
 * Runtimes make some of their own globals when those, or some modules, are first used.
 */
const WATCH = `
import "node:http";
import "node:worker_threads";

async function watch(load) {
  const keep = () => new Map(Reflect.ownKeys(globalThis).map((key) => {
    try {
      void globalThis[key];
    } catch {
      // Some may not be looked at.
    }
    const { value, get } = Object.getOwnPropertyDescriptor(globalThis, key);
    return [key, value ?? get];
  }));
  const done = [];
  for (const name of ["setTimeout", "setInterval", "addEventListener"]) {
    if (globalThis[name] !== undefined) globalThis[name] = () => void done.push(name);
  }
  keep();
  const before = keep();
  const events = String(process.eventNames().map(String));
  await load();
  const after = keep();
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    // Deno's own, which goes when something of npm is first loaded.
    if (key !== "nodeBootstrap" && !Object.is(before.get(key), after.get(key))) done.push("global " + String(key));
  }
  if (String(process.eventNames().map(String)) !== events) done.push("listener of process");
  return done;
}
`;

/** Imports a module without any permission; gives what the watch has seen. */
async function importAlone(url: string): Promise<string[]> {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    `${dir.path}/program.ts`,
    `// @ts-nocheck: it looks at everything there is
    import process from "node:process";
    ${WATCH}
    console.log(JSON.stringify(await watch(() => import(${JSON.stringify(url)}))));`,
  );
  const config = new URL("deno.json", ROOT).pathname;
  await using program = spawn(
    Deno.execPath(),
    ["run", "--no-prompt", "--no-check", "--config", config, `${dir.path}/program.ts`],
  );
  assertEquals((await program.status).code, 0, program.stderr);
  assertEquals(program.stderr, "");
  return JSON.parse(program.stdout);
}

for (const [path, module] of PATHS) {
  Deno.test(`Importing ${path} does nothing on Deno, without any permission`, async () => {
    assertEquals(await importAlone(new URL(module, ROOT).href), []);
  });
}

Deno.test("What the watch of these tests would see", async () => {
  const module = `import process from "node:process";
    globalThis.mine = 1; setInterval(() => {}, 1000); addEventListener("unload", () => {});
    process.on("exit", () => {});`;
  assertEquals(
    (await importAlone(`data:text/javascript,${encodeURIComponent(module)}`)).sort(),
    ["addEventListener", "global mine", "listener of process", "setInterval"],
  );
});

for (const version of NODE_VERSIONS) {
  Deno.test(`Importing the npm package does nothing on Node ${version}`, async () => {
    const project = await nodeProject();
    await using folder = await project.folder("mapped");
    const { exports } = JSON.parse(
      await Deno.readTextFile(`${project.packagePath}/package.json`),
    ) as { exports: Record<string, unknown> };
    const names = Object.keys(exports).filter((path) => !path.endsWith(".json"))
      .map((path) => name + path.slice(1));
    await Deno.writeTextFile(
      `${folder.path}/program.mjs`,
      `import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      import process from "node:process";
      import timers from "node:timers";
      ${WATCH}
      const called = [];
      for (const [what, object, names] of [
        ["timer", timers, ["setTimeout", "setInterval", "setImmediate"]],
        ["file", fs, ["mkdirSync", "writeFileSync", "appendFileSync", "createWriteStream"]],
      ]) {
        for (const name of names) {
          const native = object[name];
          object[name] = (...args) => (called.push(what + " " + name), native(...args));
        }
      }
      syncBuiltinESMExports();
      const before = String(process.getActiveResourcesInfo());
      const done = await watch(async () => {
        for (const name of ${JSON.stringify(names)}) await import(name);
      });
      const after = String(process.getActiveResourcesInfo());
      console.log(JSON.stringify({ done, called, same: before === after }));`,
    );
    await using program = spawn(project.node(version), ["program.mjs"], { cwd: folder.path });
    assertEquals((await program.status).code, 0, program.stderr);
    assertEquals(JSON.parse(program.stdout), { done: [], called: [], same: true });
    assertEquals(program.stderr, "");
  });
}
