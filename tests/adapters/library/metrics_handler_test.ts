import { assertEquals } from "@std/assert";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";

const MODULE = JSON.stringify(new URL("../../../mod.ts", import.meta.url).href);

/** Runs a program that scrapes its own page twice; gives what it says on standard error. */
async function scrapeTwice(before: string, options: string): Promise<string> {
  await using temp = await tempDir();
  await Deno.writeTextFile(
    `${temp.path}/program.ts`,
    `import { Counter, metricsHandler, openStorage } from ${MODULE};
    const directory = "${temp.path}/metrics";
    ${before}
    const answer = metricsHandler(${options});
    for (let i = 0; i < 2; i++) {
      const response = await answer(new Request("http://localhost/metrics"));
      if (response.status !== 200 || !(await response.text()).includes("gpe_writers")) Deno.exit(1);
    }`,
  );
  await using program = spawn(Deno.execPath(), ["run", "-A", "--no-check", "program.ts"], {
    cwd: temp.path,
    env: { PROMETHEUS_MULTIPROC_DIR: `${temp.path}/metrics` },
  });
  assertEquals((await program.status).code, 0, program.stderr);
  return program.stderr;
}

const COUNT = `new Counter({ name: "counted_total", help: "h" }).inc();`;

Deno.test("metricsHandler() says once that the metrics of the process are in no storage", async () => {
  assertEquals(
    await scrapeTwice(COUNT, ""),
    "gpe: warn: Cannot show the metrics of this process: they are in no storage, expected " +
      "openStorage() at the start of the program\n",
  );
});

Deno.test("metricsHandler() is silent where nothing is missing", async () => {
  for (
    const [before, options] of [
      ["", ""], // a process without metrics, which shows those of others
      [COUNT, "{ directory }"], // another storage was asked for
      [`openStorage(); ${COUNT}`, ""],
    ] as const
  ) {
    assertEquals(await scrapeTwice(before, options), "", before);
  }
});
