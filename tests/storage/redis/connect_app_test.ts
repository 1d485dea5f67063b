import { assertEquals, assertStringIncludes } from "@std/assert";
import { externalTest } from "../../support/externals.ts";
import { startRedis } from "../../support/redis_server.ts";
import { ROOT, spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";

const PRELOAD = `
import { awaitConnection, connectRedis } from ${
  JSON.stringify(new URL("src/storage/redis/connect.ts", ROOT).href)
};
const port = Number(Deno.args[0]);
if (port > 0) {
  const log = { debug() {}, info() {}, warn() {}, error: (line) => console.log(line) };
  const connection = connectRedis({ host: "127.0.0.1", port, log });
  awaitConnection(connection, 60_000).then(() => console.log("connected"), () => {});
}
`;

/** An application's directory with these files, in which a program connects before the app runs. */
async function runApp(
  files: Record<string, string>,
  port: number,
  { flags = [], install = false }: { flags?: string[]; install?: boolean } = {},
): Promise<{ code: number; stdout: string; stderr: string; lock: string | undefined }> {
  await using dir = await tempDir();
  const all = { "preload.ts": PRELOAD, "app.ts": 'console.log("the app runs");', ...files };
  for (const [name, text] of Object.entries(all)) {
    await Deno.writeTextFile(`${dir.path}/${name}`, text);
  }
  if (install) {
    await using program = spawn(Deno.execPath(), ["install"], { cwd: dir.path });
    assertEquals((await program.status).code, 0, program.stderr);
  }
  await using program = spawn(
    Deno.execPath(),
    ["run", "-A", ...flags, "--preload", "./preload.ts", "app.ts", `${port}`],
    { cwd: dir.path },
  );
  const { code } = await program.status;
  const lock = await Deno.readTextFile(`${dir.path}/deno.lock`).catch(() => undefined);
  return { code, stdout: program.stdout, stderr: program.stderr, lock };
}

const LOCK = '{"version":"5"}\n';

Deno.test("an app with a frozen lock file starts, and keeps it, without Redis", async () => {
  const files = { "deno.json": "{}", "deno.lock": LOCK };
  const { code, stdout, stderr, lock } = await runApp(files, 0, { flags: ["--frozen"] });
  assertEquals([code, stdout, lock], [0, "the app runs\n", LOCK], stderr);
});

externalTest(
  "connectRedis() has ioredis in an app with an import map, and then ends with it",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    const { stdout, stderr } = await runApp({ "deno.json": "{}" }, server.port);
    assertEquals(stdout.split("\n").sort(), ["", "connected", "the app runs"], stderr);
  },
);

externalTest(
  "connectRedis() takes the app's own ioredis, and its lock file stays",
  ["redis-server"],
  async (_, t) => {
    await using server = await startRedis();
    const kinds = {
      "deno.json": { imports: { ioredis: "npm:ioredis@^6.0.0" } },
      "package.json": { dependencies: { ioredis: "^6.0.0" } },
    };
    for (const [file, content] of Object.entries(kinds)) {
      await t.step(file, async () => {
        const files = { [file]: JSON.stringify(content) };
        const options = { install: true, flags: ["--frozen"] };
        const { code, stdout, stderr } = await runApp(files, server.port, options);
        assertEquals(code, 0, stderr);
        assertEquals(stdout.split("\n").sort(), ["", "connected", "the app runs"], stderr);
      });
    }
  },
);

Deno.test("connectRedis() says that an app with node_modules lacks ioredis, which runs", async () => {
  const files = { "package.json": JSON.stringify({ dependencies: {} }) };
  const { code, stdout, stderr } = await runApp(files, 6379);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "the app runs\n");
  assertStringIncludes(
    stdout,
    'Cannot connect to Redis at "127.0.0.1:6379/0": ioredis is not there ' +
      "(Could not find a matching package for 'npm:ioredis@^6.0.0' in the node_modules directory), " +
      'so metrics stay in memory, expected it installed ("npm install ioredis" or ' +
      '"deno add npm:ioredis")\n',
  );
});
