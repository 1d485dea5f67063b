import { assertEquals, assertStringIncludes } from "@std/assert";
import { findLoadError } from "../../../src/adapters/deno/load_probe.ts";
import { tempDir } from "../../support/temp_dir.ts";

/** Looks at an application of several files, one of which is `app.js`. */
async function find(files: Readonly<Record<string, string>>) {
  await using dir = await tempDir();
  for (const [name, code] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir.path}/${name}`, code);
  }
  const base = new URL(`file://${dir.path}/`).href;
  return {
    base,
    error: await findLoadError(`${base}app.js`),
    files: [...Deno.readDirSync(dir.path)],
  };
}

Deno.test("findLoadError() evaluates nothing when the modules are in order", async () => {
  const { error, files } = await find({
    "app.js": 'import "./part.js"; throw new Error("evaluated");\n',
    "part.js": 'Deno.writeTextFileSync(new URL("made", import.meta.url), "");\n',
  });
  assertEquals(error, undefined);
  assertEquals(files.map(({ name }) => name).sort(), ["app.js", "part.js"]);
});

Deno.test("findLoadError() names the line when a part of the application is not valid code", async () => {
  const { base, error } = await find({
    "app.js": '\nimport "./part.js";\n',
    "part.js": "const x = ;\n",
  });
  assertStringIncludes(error!.message, "SyntaxError: Expression expected");
  assertStringIncludes(error!.message, `${base}part.js:1:11`);
});

Deno.test("findLoadError() names the export when a module does not have it", async () => {
  const { error } = await find({
    "app.js": 'import { other } from "./part.js";\nconsole.log(other);\n',
    "part.js": "export const part = 1;\n",
  });
  assertEquals(error!.name, "SyntaxError");
  assertStringIncludes(error!.message, "'other'");
});
