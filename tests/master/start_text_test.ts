import { assertEquals, assertStringIncludes } from "@std/assert";
import { localUrl, scrapeConfigs, startText } from "../../src/master/start_text.ts";
import { externalTest } from "../support/externals.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("localUrl() gives an address to connect to when the listener's is a wildcard", () => {
  assertEquals(
    localUrl({ hostname: "0.0.0.0", port: 9091 }, "/metrics"),
    "http://localhost:9091/metrics",
  );
  assertEquals(localUrl({ hostname: "::", port: 80 }), "http://localhost:80");
  assertEquals(localUrl({ hostname: "::1", port: 8000 }), "http://[::1]:8000");
  assertEquals(localUrl({ hostname: "10.0.0.7", port: 8000 }), "http://10.0.0.7:8000");
});

Deno.test("startText() has the three URLs and the snippet for Prometheus", () => {
  const metrics = { hostname: "0.0.0.0", port: 9091 };
  const text = startText({ hostname: "127.0.0.1", port: 8000 }, metrics);
  for (
    const url of ["http://127.0.0.1:8000", "http://localhost:9091/metrics", "http://localhost:9090"]
  ) {
    assertStringIncludes(text, url);
  }
  assertStringIncludes(text, scrapeConfigs(metrics));
});

externalTest("scrapeConfigs() is accepted by promtool", ["promtool"], async ({ promtool }) => {
  await using dir = await tempDir();
  for (const hostname of ["0.0.0.0", "::1", "metrics.example"]) {
    const file = `${dir.path}/prometheus.yml`;
    await Deno.writeTextFile(file, scrapeConfigs({ hostname, port: 9091 }));
    const { success, stderr } = await new Deno.Command(promtool, {
      args: ["check", "config", file],
    })
      .output();
    assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
  }
});
