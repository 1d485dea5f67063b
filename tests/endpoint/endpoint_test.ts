import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createMemoryStorage } from "../../src/core/memory_driver.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import type { Snapshot, StorageReader } from "../../src/core/storage.ts";
import { createMetricsEndpoint, type MetricsEndpointOptions } from "../../src/endpoint/mod.ts";
import { externalTest } from "../support/externals.ts";
import { parseExposition } from "../support/exposition.ts";
import { tempDir } from "../support/temp_dir.ts";

const REQUEST_KEY = encodeSampleKey(
  "shop_orders",
  "shop_orders_total",
  { kind: 'a"b' },
  "Orders",
);

/** A storage with two writers, and an endpoint over it. */
function setUp(options: Partial<MetricsEndpointOptions> = {}) {
  const storage = createMemoryStorage();
  const cells = ["1", "2"].map((writer) =>
    storage.openWriter({ writer }).allocate("counter", undefined, REQUEST_KEY)
  );
  cells.forEach((cell, i) => cell.values[cell.index] = 0.1 * (i + 1));
  const warnings: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn: (message: string, fields = {}) => void warnings.push(message + JSON.stringify(fields)),
    error: (message: string) => void warnings.push(message),
  };
  const endpoint = createMetricsEndpoint({
    reader: storage.openReader(),
    version: "1.2.3",
    runtime: 'test <&"> 1',
    log,
    ...options,
  });
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    endpoint(new Request(`http://localhost${path}`, init));
  return { get, cells, warnings, storage };
}

/** A reader that fails or waits when told to. */
function scriptedReader(read: () => Promise<Snapshot>): StorageReader {
  return { read, [Symbol.asyncDispose]: () => Promise.resolve() };
}
const EMPTY: Snapshot = { sources: [], writers: { live: 0, dead: 0, unknown: 0 }, problems: [] };

Deno.test("/metrics tells how it goes with Redis when that is the storage", async () => {
  const failure = new Error("Cannot connect to Redis");
  let flushing: boolean | undefined = true;
  let connected = true;
  const { get } = setUp({
    reader: scriptedReader(() => connected ? Promise.resolve(EMPTY) : Promise.reject(failure)),
    redisStats: () => ({ connected, flushing }),
    sources: ["redis", "storage"],
  });
  const samples = async (): Promise<(number | undefined)[]> => {
    const response = await get("/metrics");
    assertEquals(response.status, 200);
    const page = parseExposition(await response.text());
    return [
      page.get("gunicorn_sidecar_redis_connected"),
      page.get("gpe_redis_flushing"),
      page.get('gpe_scrape_errors_total{"source":"redis"}'),
      page.get('gpe_scrape_errors_total{"source":"storage"}'),
    ];
  };
  assertEquals(await samples(), [1, 1, 0, 0]);
  connected = flushing = false;
  assertEquals(await samples(), [0, 0, 1, 0]);
  flushing = undefined;
  assertEquals(await samples(), [0, undefined, 1, 0]);
});

Deno.test("/metrics has the aggregate of all writers and the self-metrics", async () => {
  const { get } = setUp({
    directoryStats: () => ({ files: 3, bytes: 196608 }),
    metricPrefix: "app",
  });
  const response = await get("/metrics");
  const text = await response.text();
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertEquals(response.headers.get("vary"), "Accept, Accept-Encoding");
  const samples = parseExposition(text);
  assertEquals(samples.get('shop_orders_total{"kind":"a\\"b"}'), 0.1 + 0.2);
  assertEquals(samples.get("gpe_series"), 1);
  assertEquals(samples.get('gpe_writers{"state":"live"}'), 2);
  assertEquals(samples.get('gpe_scrape_errors_total{"source":"storage"}'), 0);
  assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
  assertEquals(samples.get("gpe_scrape_conflicts_total"), 0);
  assertEquals(samples.get("app_sidecar_multiproc_files"), 3);
  assertEquals(samples.get("app_sidecar_multiproc_dir_size_bytes"), 196608);
  assertEquals(
    samples.get(`gpe_build_info${JSON.stringify({ runtime: 'test <&"> 1', version: "1.2.3" })}`),
    1,
  );
  assert(samples.has("gpe_scrape_duration_seconds") && samples.has("app_sidecar_uptime_seconds"));
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) =>
    match[1]!.replace(/_total$/, "")
  );
  assertEquals(names, names.toSorted(), "families are sorted by name");
});

Deno.test("/metrics answers in OpenMetrics when that is preferred", async () => {
  const { get } = setUp();
  const response = await get("/metrics", { headers: { accept: "application/openmetrics-text" } });
  const type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  assertEquals(response.headers.get("content-type"), type);
  const text = await response.text();
  assertStringIncludes(text, "# TYPE shop_orders counter\n");
  assertMatch(text, /# EOF\n$/);
});

Deno.test("/metrics prints only what name[] asks for", async () => {
  const { get } = setUp();
  const text = await (await get("/metrics?name[]=gpe_series&name%5B%5D=shop_orders_total")).text();
  assertEquals([...parseExposition(text).keys()], [
    "gpe_series",
    'shop_orders_total{"kind":"a\\"b"}',
  ]);
  assertEquals(await (await get("/metrics?name[]=unknown")).text(), "");
});

Deno.test("/metrics keeps the page valid when a writer uses a name of the endpoint's own", async () => {
  const { get, storage } = setUp();
  const key = encodeSampleKey("gpe_series", "gpe_series", {}, "Mine");
  storage.openWriter({ writer: "3" }).allocate("gauge", "sum", key);
  const text = await (await get("/metrics")).text();
  assertEquals(text.match(/^# TYPE gpe_series /gm)?.length, 1);
  assertEquals(parseExposition(text).get("gpe_series"), 2);
});

Deno.test("a failing reader is a page with the self-metrics, logged and counted once", async () => {
  let failing = true;
  const reader = scriptedReader(() =>
    failing ? Promise.reject(new Error("disk gone")) : Promise.resolve(EMPTY)
  );
  const { get, warnings } = setUp({ reader });
  const errors = async (): Promise<number | undefined> => {
    const response = await get("/metrics");
    assertEquals(response.status, 200);
    return parseExposition(await response.text()).get(
      'gpe_scrape_errors_total{"source":"storage"}',
    );
  };
  assertEquals([await errors(), await errors()], [1, 1]);
  assertEquals(warnings, ['disk gone{"source":"storage"}']);
  const notReady = await get("/readyz");
  assertEquals([notReady.status, await notReady.text()], [503, "Not ready: disk gone\n"]);
  failing = false;
  assertEquals(await errors(), 1);
  assertEquals((await get("/readyz")).status, 200);
  failing = true;
  assertEquals(await errors(), 2, "a problem that comes back is a new one");
});

Deno.test("problems of sources are counted by source, with a bounded number of series", async () => {
  let round = 0;
  const reader = scriptedReader(() => {
    const problems = Array.from({ length: 150 }, (_, i) => ({
      source: `counter_${i}.db`,
      message: `Cannot read file: damaged in round ${round}`,
    }));
    return Promise.resolve({ ...EMPTY, problems });
  });
  const { get } = setUp({ reader });
  await get("/metrics");
  round++;
  const samples = parseExposition(await (await get("/metrics")).text());
  const errors = [...samples].filter(([name]) => name.startsWith("gpe_scrape_errors_total"));
  assertEquals(errors.length, 101);
  assertEquals(samples.get('gpe_scrape_errors_total{"source":"counter_0.db"}'), 2);
  assertEquals(samples.get('gpe_scrape_errors_total{"source":"__other__"}'), 2 * (150 - 99));
});

Deno.test("/metrics answers 503 before the scrape timeout when reading takes too long", async () => {
  const reader = scriptedReader(() => new Promise(() => {}));
  const { get } = setUp({ reader });
  const headers = { "x-prometheus-scrape-timeout-seconds": "0.05" };
  const response = await get("/metrics", { headers });
  assertEquals(response.status, 503);
  assertEquals(
    await response.text(),
    "Cannot read the metrics within the scrape timeout of 0.05 s\n",
  );
  assertEquals((await get("/readyz", { headers })).status, 503);
});

Deno.test("/healthz answers whatever the storage does", async () => {
  const { get } = setUp({
    reader: scriptedReader(() => new Promise(() => {})),
    ready: () => false,
  });
  for (const path of ["/healthz", "/-/healthy"]) {
    const response = await get(path);
    assertEquals([response.status, await response.text()], [200, "ok\n"]);
  }
});

Deno.test("/readyz says whether a worker runs", async () => {
  let running = false;
  const { get } = setUp({ ready: () => running });
  for (const path of ["/readyz", "/-/ready"]) {
    running = false;
    const response = await get(path);
    assertEquals([response.status, await response.text()], [
      503,
      "Not ready: no worker is running\n",
    ]);
    running = true;
    assertEquals((await get(path)).status, 200);
  }
});

Deno.test("/ is a page with links and escaped text, and everything else is 404", async () => {
  const { get } = setUp();
  const response = await get("/");
  const html = await response.text();
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  for (const path of ["/metrics", "/healthz", "/readyz"]) {
    assertStringIncludes(html, `<a href="${path}">`);
  }
  assertStringIncludes(html, "test &#60;&#38;&#34;&#62; 1");
  for (const path of ["/metrics/", "/metric", "//metrics", "/x?<script>", "/" + "a".repeat(5000)]) {
    const missing = await get(path);
    assertEquals([missing.status, await missing.text()], [404, "Not found\n"], path);
  }
});

Deno.test("every answer has security headers and the right length", async () => {
  const { get } = setUp();
  for (const path of ["/", "/metrics", "/healthz", "/readyz", "/nothing"]) {
    const response = await get(path);
    const body = await response.arrayBuffer();
    assertEquals(response.headers.get("content-length"), String(body.byteLength), path);
    assertEquals(response.headers.get("x-content-type-options"), "nosniff", path);
    assertStringIncludes(
      response.headers.get("content-security-policy") ?? "",
      "default-src 'none'",
    );
  }
});

Deno.test("methods other than GET and HEAD are refused", async () => {
  const { get } = setUp();
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const response = await get("/metrics", { method });
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
    assertEquals((await get("/nothing", { method })).status, 404);
  }
  const head = await get("/metrics", { method: "HEAD" });
  assertEquals([head.status, head.body], [200, null]);
  assertGreater(Number(head.headers.get("content-length")), 0);
});

externalTest(
  "promtool accepts the page of /metrics silently",
  ["promtool"],
  async ({ promtool }) => {
    const { get } = setUp({ directoryStats: () => ({ files: 1, bytes: 65536 }) });
    const child = new Deno.Command(promtool, {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await (await get("/metrics")).body!.pipeTo(child.stdin);
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [0, "", ""]);
  },
);

externalTest(
  "Python's OpenMetrics parser accepts the page of /metrics",
  ["python3-prometheus-client"],
  async (programs) => {
    await using directory = await tempDir();
    const { get } = setUp({ directoryStats: () => ({ files: 1, bytes: 65536 }) });
    const response = await get("/metrics", { headers: { accept: "application/openmetrics-text" } });
    const page = `${directory.path}/page.txt`;
    await Deno.writeTextFile(page, await response.text());
    const script = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
print([s.value for f in families for s in f.samples if s.name == "shop_orders_total"])`;
    const { code, stdout, stderr } = await new Deno.Command(programs["python3-prometheus-client"], {
      args: ["-c", script, page],
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals([code, new TextDecoder().decode(stdout)], [0, "[0.30000000000000004]\n"]);
  },
);
