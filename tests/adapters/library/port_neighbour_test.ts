import { assertEquals, assertNotEquals } from "@std/assert";
import { nameStorage, STORAGE_HEADER } from "../../../src/adapters/library/port_neighbour.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";

const nameOf = (directory: string): string =>
  nameStorage({ place: { kind: "directory", directory, layout: "timestamp" }, fields: {} });

Deno.test("nameStorage() tells directories apart by what they are, not by their path", async () => {
  await using temp = await tempDir();
  const path = `${temp.path}/metrics`;
  const missing = nameOf(path);
  assertEquals(nameOf(`${temp.path}/./metrics`), missing);
  await Deno.mkdir(path);
  const first = nameOf(path);
  await Deno.symlink(path, `${temp.path}/link`);
  assertEquals(nameOf(`${temp.path}/link`), first);
  // As in another container.
  await Deno.rename(path, `${temp.path}/former`);
  await Deno.mkdir(path);
  assertNotEquals(nameOf(path), first);
  assertEquals(nameOf(`${temp.path}/former`), first);
});

const MODULE = JSON.stringify(new URL("../../../mod.ts", import.meta.url).href);

Deno.test("serveMetrics() asks the one who has the port, not a proxy", async () => {
  await using temp = await tempDir();
  let asked = 0;
  await using neighbour = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    asked++;
    return new Response("ok\n", { headers: { [STORAGE_HEADER]: nameOf(temp.path) } });
  });
  const { port } = neighbour.addr;
  await Deno.writeTextFile(
    `${temp.path}/program.ts`,
    `import { serveMetrics } from ${MODULE};
    await serveMetrics({ hostname: "127.0.0.1", port: ${port}, directory: "${temp.path}" });
    setTimeout(() => {}, 600_000);`,
  );
  await using program = spawn(Deno.execPath(), ["run", "-A", "--no-check", "program.ts"], {
    cwd: temp.path,
    // Nobody listens there.
    env: { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1", NO_PROXY: "" },
  });
  await waitFor(() => asked > 0 || program.stderr !== "", { what: () => "a question" });
  await program.stop();
  assertEquals([asked, program.stderr], [1, ""]);
});
