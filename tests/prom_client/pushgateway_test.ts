import { assert, assertEquals, assertThrows } from "@std/assert";
import * as prom from "prom-client";
import * as ours from "../../mod.ts";

type Library = Pick<typeof prom, "Counter" | "Pushgateway" | "Registry">;

/** What a library sends to a gateway. */
async function pushes(library: Library): Promise<string[]> {
  const seen: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      seen.push([request.method, pathname, await request.text()].join("\n"));
      return new Response();
    },
  );
  const registry = new library.Registry();
  new library.Counter({ name: "c_total", help: "h", registers: [registry] }).inc(2);
  const gateway = new library.Pushgateway(`http://127.0.0.1:${server.addr.port}`, {}, registry);
  await gateway.push({ jobName: "job" });
  await gateway.pushAdd({ jobName: "a job", groupings: { zone: "a/b" } });
  await gateway.delete({ jobName: "job" });
  assertThrows(() => void gateway.push({} as never), Error, "Missing jobName parameter");
  return seen;
}

Deno.test("Pushgateway sends what prom-client's sends, from our registry", async () => {
  const sent = await pushes(ours as unknown as Library);
  assertEquals(sent, await pushes(prom));
  assert(sent[0]!.startsWith("PUT\n/metrics/job/job\n# HELP c_total h\n"), sent[0]);
});
