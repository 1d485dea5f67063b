import { assert, assertEquals, assertGreater } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { namesIn } from "../support/retiring.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, requestOnce, startServing } from "./serving.ts";

const APP = checkoutPath("tests/fixtures/apps/increments.ts");

Deno.test("gpe serve --keep goes on with the totals of the run before, in folded files", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  let before: Map<string, number>;
  {
    await using serving = await startServing(APP, { directory });
    for (let i = 0; i < 7; i++) assert(await requestOnce(`${serving.app}/`));
    before = await serving.scrape();
  }
  const old = namesIn(directory).filter((name) => /_\d+\.db$/.test(name));
  assertGreater(old.length, 5);
  await using serving = await startServing(APP, { directory, flags: ["--keep"] });
  await waitFor(() => namesIn(directory).every((name) => !old.includes(name)), {
    what: () => `the old files to be folded; there is:\n${namesIn(directory).join("\n")}`,
  });
  for (let i = 0; i < 2; i++) assert(await requestOnce(`${serving.app}/`));
  const after = await serving.scrape();
  for (const name of ["test_work_total", "gunicorn_worker_requests_total"]) {
    assertEquals([sumOf(before, name), sumOf(after, name)], [7, 9], name);
  }
  for (const [series, value] of before) {
    if (!/_(total|count|sum|bucket)(\{|$)/.test(series) || /^gpe_/.test(series)) continue;
    const now = after.get(series);
    assert(now !== undefined && now >= value, `${series} was ${value} and is ${now}`);
  }
});
