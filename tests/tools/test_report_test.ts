import { assertEquals } from "@std/assert";
import { countRun, silentModules, sumCounts, summaryLine } from "../../tools/test_report.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Runs real test modules and counts them. */
async function count(files: Record<string, string>): Promise<string> {
  await using dir = await tempDir();
  const modules = Object.keys(files).sort();
  for (const name of modules) await Deno.writeTextFile(`${dir.path}/${name}`, files[name]!);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--no-config", "--sanitize-ops", "--junit-path=r.xml"]
      .concat(modules),
    cwd: dir.path,
    stdout: "null",
    stderr: "null",
  }).output();
  const report = await Deno.readTextFile(`${dir.path}/r.xml`).catch(() => undefined);
  return summaryLine(countRun({ report, success, modules }));
}

const GOOD = 'Deno.test("a <b> & c", () => {}); Deno.test({ name: "d", ignore: true, fn() {} });';

Deno.test("countRun() counts passed, failed and skipped tests and steps", async () => {
  const steps = `
    Deno.test("t", async (t) => {
      await t.step("one", () => {});
      await t.step({ name: "two", ignore: true, fn() {} });
      await t.step("three", () => { throw new Error("<skipped/>"); });
    });`;
  assertEquals(await count({ "a_test.js": GOOD }), "1 passed, 0 failed, 1 skipped");
  assertEquals(
    await count({ "a_test.js": GOOD, "b_test.js": steps }),
    "2 passed, 2 failed, 2 skipped",
  );
});

Deno.test("countRun() counts a failure when a module throws, does not load or has no test", async () => {
  const throws = `${GOOD} throw new Error("while loading");`;
  assertEquals(
    await count({ "a_test.js": GOOD, "b_test.js": throws, "c_test.js": "export {};" }),
    "1 passed, 2 failed, 1 skipped",
  );
  assertEquals(
    await count({ "a_test.js": GOOD, "b_test.js": 'import "./missing.js";' }),
    "0 passed, 2 failed, 0 skipped",
  );
});

Deno.test("countRun() counts a failure when a test leaks an operation or an error is uncaught", async () => {
  const leak = 'Deno.test("l", () => { setTimeout(() => {}, 100); });';
  assertEquals(await count({ "a_test.js": leak }), "0 passed, 1 failed, 0 skipped");
  const uncaught = 'Deno.test("u", async () => { Promise.reject(new Error("u")); await 0; });';
  assertEquals(await count({ "a_test.js": uncaught }), "0 passed, 1 failed, 0 skipped");
});

Deno.test("countRun() counts a failure when the status alone says so", () => {
  assertEquals(countRun({ report: undefined, success: false, modules: [] }).failed, 1);
  const silent = { report: "", success: true, modules: ["a_test.ts"] };
  assertEquals([countRun(silent).failed, silentModules(silent)], [1, ["a_test.ts"]]);
});

Deno.test("sumCounts() fails a run in which nothing ran", () => {
  assertEquals(
    sumCounts([{ passed: 2, failed: 1, skipped: 0 }, { passed: 3, failed: 0, skipped: 4 }]),
    { passed: 5, failed: 1, skipped: 4 },
  );
  assertEquals(sumCounts([{ passed: 0, failed: 0, skipped: 3 }]).failed, 1);
  assertEquals(sumCounts([]).failed, 1);
});
