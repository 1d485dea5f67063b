import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/main.ts";
import { waitFor } from "../support/wait_for.ts";
import { parseExposition } from "../support/exposition.ts";
import { spawnGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { FakeIo, gpe } from "./fake_io.ts";

const LOCAL = ["--metrics-bind", "127.0.0.1", "--metrics-port", "0"];

Deno.test("gpe exporter serves before its directory is there, and notices when it comes", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/later`;
  const io = new FakeIo();
  const ended = main(["exporter", "--dir", directory, ...LOCAL], io);
  const found = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+/.exec(io.err));
  const get = (path: string): Promise<Response> => fetch(found[0] + path);

  const notReady = await get("/readyz");
  assertEquals(notReady.status, 503);
  assertMatch(await notReady.text(), /^Not ready: Cannot read ".*later": no such directory/);
  const page = parseExposition(await (await get("/metrics")).text());
  assertEquals(page.get('gpe_scrape_errors_total{"source":"storage"}'), 1);

  await Deno.mkdir(directory);
  assertEquals(await (await get("/readyz")).text(), "ready\n");
  io.stop();
  assertEquals(await ended, 0);
  assertEquals(io.out, "");
  assertEquals(io.err.match(/ warn /g)?.length, 1, "the problem is logged once");
});

Deno.test("gpe exporter exits with 1 and one line when the port is in use", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const args = ["exporter", "--metrics-bind", "127.0.0.1", "--metrics-port", String(port)];
  assertEquals(await gpe(args), {
    code: 1,
    stdout: "",
    stderr:
      `gpe: Cannot listen on "127.0.0.1:${port}" for the metrics endpoint: the port is in use, ` +
      "expected a free one\n",
  });
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`gpe exporter ends with 0 at ${signal}`, async () => {
    await using temp = await tempDir();
    await using exporter = spawnGpe(["exporter", "--dir", temp.path, ...LOCAL]);
    const [url] = await exporter.waitForOutput(/http:\/\/127\.0\.0\.1:\d+\/metrics/);
    const response = await fetch(url!);
    assert((await response.text()).includes("gpe_build_info"));
    assertEquals((await exporter.stop(signal)).code, 0);
  });
}
