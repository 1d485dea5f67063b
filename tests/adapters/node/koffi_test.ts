import { assertEquals } from "@std/assert";
import { NODE_VERSIONS, nodeProject } from "../../support/node_project.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";

const PROGRAM = new URL("./programs/ends.mjs", import.meta.url);

const UNUSABLE = {
  "is too old": `exports.load = () => {}; exports.address = () => 0n;`,
  "has no binary for this system": `throw new Error("Cannot find the native Koffi module");`,
  "does not find the library": `
    exports.load = () => { throw new Error("Failed to load shared library"); };
    exports.address = exports.view = exports.errno = () => {};`,
  "does not find a function": `
    exports.load = () => ({ func() { throw new Error("Cannot find function"); } });
    exports.address = exports.view = exports.errno = () => {};`,
};

Deno.test("A koffi that is of no use is like none: files are written, without a word", async (t) => {
  const project = await nodeProject();
  for (const [what, code] of Object.entries(UNUSABLE)) {
    await t.step(`it ${what}`, async () => {
      await using temp = await tempDir();
      await using folder = await project.folder("plain");
      const koffi = `${folder.path}/node_modules/koffi`;
      await Deno.mkdir(koffi, { recursive: true });
      await Deno.writeTextFile(`${koffi}/index.js`, code);
      await Deno.copyFile(PROGRAM, `${folder.path}/program.mjs`);
      const env = { PROMETHEUS_MULTIPROC_DIR: temp.path };
      const [version] = NODE_VERSIONS;
      await using run = spawn(project.node(version), [`${folder.path}/program.mjs`, "exit"], {
        env,
      });
      const { code: status } = await run.status;
      assertEquals([status, run.stdout, run.stderr], [3, "mapped=false unstored=0\n", ""]);
    });
  }
});
