import { assertEquals } from "@std/assert";
import { acceptsGzip, negotiateFormat } from "../../src/endpoint/negotiate.ts";

const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const PROMETHEUS_3_PROTOBUF =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
const PROMETHEUS_3_TEXT_ONLY =
  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.2";
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

Deno.test("negotiateFormat() answers Prometheus with OpenMetrics when it names it first", () => {
  for (const accept of [PROMETHEUS_2, PROMETHEUS_3, PROMETHEUS_3_PROTOBUF]) {
    assertEquals(negotiateFormat(accept), "openmetrics", accept);
  }
  assertEquals(negotiateFormat(PROMETHEUS_3_TEXT_ONLY), "text");
});

Deno.test("negotiateFormat() answers with text when nothing names OpenMetrics", () => {
  for (
    const accept of [null, "", "*/*", BROWSER, "application/json", "text/*", "garbage;;=,,", ";q=1"]
  ) {
    assertEquals(negotiateFormat(accept), "text", String(accept));
  }
});

Deno.test("negotiateFormat() honours qualities before the order", () => {
  const open = "application/openmetrics-text";
  assertEquals(negotiateFormat(`text/plain;q=0.4, ${open};q=0.5`), "openmetrics");
  assertEquals(negotiateFormat(`${open};q=0.4, text/plain;q=0.5`), "text");
  assertEquals(negotiateFormat(`${open}, text/plain`), "openmetrics");
  assertEquals(negotiateFormat(`text/plain, ${open}`), "text");
  assertEquals(negotiateFormat(`${open};q=0, */*`), "text");
  assertEquals(negotiateFormat(`text/plain;q=0, */*`), "openmetrics");
  assertEquals(negotiateFormat(`text/*;q=0.2, application/*;q=0.3`), "openmetrics");
  assertEquals(negotiateFormat(`*/*;q=1, ${open};q=0.9`), "text");
  assertEquals(negotiateFormat(`${open};q=high, text/plain;q=0.1`), "text");
  assertEquals(negotiateFormat(`Application/OpenMetrics-Text; Version="1.0.0"`), "openmetrics");
});

Deno.test("negotiateFormat() takes another version of a type for another format", () => {
  assertEquals(negotiateFormat("application/openmetrics-text;version=0.0.1"), "text");
  assertEquals(
    negotiateFormat("text/plain;version=1.0.0, application/openmetrics-text;q=0.1"),
    "openmetrics",
  );
});

Deno.test("acceptsGzip() honours qualities and the wildcard", () => {
  for (const header of ["gzip", "deflate, gzip;q=1.0, *;q=0.5", "*", "GZIP", "x-gzip", "br,gzip"]) {
    assertEquals(acceptsGzip(header), true, header);
  }
  for (
    const header of [
      null,
      "",
      "br",
      "gzip;q=0",
      "*;q=1, gzip;q=0",
      "gzip;q=0.000",
      "identity",
      "*;q=0",
    ]
  ) {
    assertEquals(acceptsGzip(header), false, String(header));
  }
});
