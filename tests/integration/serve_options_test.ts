import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { runGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { checkoutPath, serveArguments, startServing } from "./serving.ts";

const HELLO = checkoutPath("examples/hello.ts");

Deno.test("gpe serve --pid names the master while it runs", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/gpe.pid`;
  await Deno.writeTextFile(path, "4194305\n"); // above the highest pid of Linux: nobody has it
  const serving = await startServing(HELLO, { workers: 1, flags: ["--pid", path] });
  try {
    assertEquals(await Deno.readTextFile(path), `${serving.gpe.pid}\n`);
    const second = await runGpe(
      serveArguments(HELLO, `${dir.path}/second`, { flags: ["--pid", path] }),
    );
    assertEquals(second.code, 1);
    assertStringIncludes(second.stderr, `process ${serving.gpe.pid} is running`);
    assertEquals(await Deno.readTextFile(path), `${serving.gpe.pid}\n`);
  } finally {
    await serving[Symbol.asyncDispose]();
  }
  const left = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  assertEquals(left.filter((name) => name.startsWith("gpe.pid")), []);
});

Deno.test("gpe serve --pid replaces a file whose pid another program has got, and no other file", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/gpe.pid`;
  await using other = new Deno.Command("sleep", { args: ["600"] }).spawn();
  await Deno.writeTextFile(path, String(other.pid));
  {
    await using serving = await startServing(HELLO, { workers: 1, flags: ["--pid", path] });
    assertEquals(await Deno.readTextFile(path), `${serving.gpe.pid}\n`);
  }
  await Deno.writeTextFile(path, "precious\n");
  const end = await runGpe(
    serveArguments(HELLO, `${dir.path}/metrics`, { flags: ["--pid", path] }),
  );
  assertEquals(end.code, 1);
  assertStringIncludes(end.stderr, "it holds no pid");
  assertEquals(await Deno.readTextFile(path), "precious\n");
});

Deno.test("gpe serve --chdir works in that directory, also for relative paths", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(`${dir.path}/site`);
  await Deno.writeTextFile(
    `${dir.path}/site/app.ts`,
    "export default { fetch: () => new Response(Deno.cwd()) };\n",
  );
  const flags = ["--chdir", `${dir.path}/site`, "--pid", "gpe.pid", "--access-log", "access.log"];
  await using serving = await startServing("app.ts", { workers: 1, flags });
  assertEquals(await (await fetch(serving.app)).text(), await Deno.realPath(`${dir.path}/site`));
  for (const name of ["gpe.pid", "access.log"]) {
    assert((await Deno.stat(`${dir.path}/site/${name}`)).isFile);
  }
  const wrong = await runGpe(
    serveArguments("app.ts", `${dir.path}/metrics`, { flags: ["--chdir", `${dir.path}/none`] }),
  );
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, `--chdir is "${dir.path}/none"`);
});

Deno.test("gpe serve --env adds to the workers' environment, and keeps systemd's to itself", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    `export default {
  fetch: () => Response.json(["MODE", "LIST", "INHERITED", "WATCHDOG_USEC"].map((name) => Deno.env.get(name) ?? null)),
};
`,
  );
  await using serving = await startServing(`${dir.path}/app.ts`, {
    workers: 1,
    flags: ["--env", "MODE=test", "--env", "LIST=a=b c"],
    env: { INHERITED: "yes", MODE: "other", WATCHDOG_USEC: "60000000" },
  });
  assertEquals(await (await fetch(serving.app)).json(), ["test", "a=b c", "yes", null]);
});

Deno.test("gpe config shows the names of --env and none of its values", async () => {
  const { stdout, code } = await runGpe(["config", "--env", "API_KEY=hush", "--env", "MODE=test"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "API_KEY MODE");
  assertFalse(stdout.includes("hush"));
});
