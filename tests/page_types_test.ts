import { assertEquals, assertGreater } from "@std/assert";
import { PAGES, writeModules } from "./support/page_tests.ts";
import { readPage } from "./support/pages.ts";
import { ROOT, spawn } from "./support/spawn.ts";
import { tempDir } from "./support/temp_dir.ts";

Deno.test("The modules of the pages pass the type checker", async () => {
  await using dir = await tempDir();
  const modules: string[] = [];
  for (const path of PAGES) {
    const page = await readPage(path);
    const directory = `${dir.path}/${path.replace("/", "_")}`;
    await Deno.mkdir(directory);
    const names = await writeModules(page, directory);
    assertGreater(names.length, 0, path);
    modules.push(...names.map((name) => `${directory}/${name}`));
  }
  await using check = spawn(
    Deno.execPath(),
    ["check", "--config", new URL("deno.json", ROOT).pathname, ...modules],
    { cwd: dir.path },
  );
  assertEquals((await check.status).code, 0, check.stderr);
});
