import { assertEquals } from "@std/assert";
import {
  address,
  bindAddress,
  choice,
  formatAddress,
  formatBindAddress,
  hostname,
  integer,
  metricPrefix,
  onOff,
  type Parser,
  port,
  secondsAsMs,
  servicePort,
  text,
  variable,
} from "../../src/config/parsers.ts";

function parseAll<T>(parser: Parser<T>, texts: readonly string[]): (T | undefined)[] {
  return texts.map((text) => parser.parse(text));
}

Deno.test("port accepts whole numbers from 0 to 65535 only", () => {
  assertEquals(parseAll(port, ["0", "9091", "65535"]), [0, 9091, 65535]);
  const refused = ["", "abc", "-1", "65536", "80.5", "1e3", "0x50", " 80", "80 ", "٨٠", "Infinity"];
  assertEquals(parseAll(port, refused), refused.map(() => undefined));
});

Deno.test("servicePort reads what Kubernetes puts into the variable of a service", () => {
  const texts = ["6379", "tcp://10.0.0.7:6380", "tcp://[fd00::1]:6381"];
  assertEquals(parseAll(servicePort, texts), [6379, 6380, 6381]);
  const refused = ["0", "tcp://10.0.0.7", "udp://10.0.0.7:1", "tcp://10.0.0.7:0", ""];
  assertEquals(parseAll(servicePort, refused), refused.map(() => undefined));
});

Deno.test("integer() keeps to its bounds", () => {
  const workers = integer("a whole number", 1, 1024);
  assertEquals(parseAll(workers, ["1", "1024"]), [1, 1024]);
  assertEquals(parseAll(workers, ["0", "1025", "2.0", "9".repeat(400)]), Array(4).fill(undefined));
  assertEquals(workers.expected, "a whole number from 1 to 1024");
});

Deno.test("secondsAsMs reads seconds as a decimal number", () => {
  assertEquals(parseAll(secondsAsMs, ["0", "30", "0.25", ".5", "2."]), [0, 30000, 250, 500, 2000]);
  const refused = ["", ".", "-1", "30s", "1e3", "NaN", "Infinity", "2147484"];
  assertEquals(parseAll(secondsAsMs, refused), refused.map(() => undefined));
});

Deno.test("onOff reads the usual spellings in any case", () => {
  assertEquals(parseAll(onOff, ["true", "TRUE", "1", "yes", "On"]), Array(5).fill(true));
  assertEquals(parseAll(onOff, ["false", "False", "0", "no", "off"]), Array(5).fill(false));
  assertEquals(parseAll(onOff, ["", "2", "ja", "truee"]), Array(4).fill(undefined));
});

Deno.test("choice() names its words in what it expects", () => {
  const level = choice("debug", "info", "warn");
  assertEquals(parseAll(level, ["info", "INFO", ""]), ["info", undefined, undefined]);
  assertEquals(level.expected, '"debug", "info" or "warn"');
  assertEquals(choice("process").expected, '"process"');
});

Deno.test("metricPrefix refuses what no metric name can begin with", () => {
  assertEquals(parseAll(metricPrefix, ["gunicorn", "_a1"]), ["gunicorn", "_a1"]);
  assertEquals(parseAll(metricPrefix, ["", "1a", "a-b", "a b", "ä"]), Array(5).fill(undefined));
});

Deno.test("text() refuses the empty text and control characters", () => {
  const directory = text("a directory");
  assertEquals(parseAll(directory, ["/tmp/a b", "ä"]), ["/tmp/a b", "ä"]);
  assertEquals(parseAll(directory, ["", "a\nb", "a\0b"]), [undefined, undefined, undefined]);
});

Deno.test("hostname takes names and addresses, but no port", () => {
  const texts = ["localhost", "0.0.0.0", "::", "[::1]", "fe80::1%eth0", "my_host.example."];
  assertEquals(
    parseAll(hostname, texts),
    ["localhost", "0.0.0.0", "::", "::1", "fe80::1%eth0", "my_host.example."],
  );
  const refused = ["", "localhost:80", "0.0.0.0:80", "http://x", "a b", "[localhost]", "-x"];
  assertEquals(parseAll(hostname, refused), refused.map(() => undefined));
});

Deno.test("address takes HOST:PORT, [IPV6]:PORT, :PORT and PORT", () => {
  assertEquals(
    parseAll(address, ["localhost:80", "[::1]:8000", ":8000", "8000", "0.0.0.0:0"]),
    [
      { hostname: "localhost", port: 80 },
      { hostname: "::1", port: 8000 },
      { hostname: "0.0.0.0", port: 8000 },
      { hostname: "127.0.0.1", port: 8000 },
      { hostname: "0.0.0.0", port: 0 },
    ],
  );
  const refused = ["", "localhost", "::1:80", "a:b:80", "x:65536", "unix:/tmp/s", "[]:80", "x:"];
  assertEquals(parseAll(address, refused), refused.map(() => undefined));
});

Deno.test("formatAddress() puts IPv6 addresses into brackets", () => {
  assertEquals(formatAddress({ hostname: "::1", port: 80 }), "[::1]:80");
  assertEquals(formatAddress({ hostname: "127.0.0.1", port: 80 }), "127.0.0.1:80");
});

Deno.test("bindAddress takes unix:PATH too, and formatBindAddress() gives it back", () => {
  const texts = ["unix:/run/app.sock", "unix:app.sock", "[::1]:80"];
  const parsed = [{ path: "/run/app.sock" }, { path: "app.sock" }, { hostname: "::1", port: 80 }];
  assertEquals(parseAll(bindAddress, texts), parsed);
  assertEquals(parsed.map(formatBindAddress), texts);
  assertEquals(parseAll(bindAddress, ["unix:", "unix", "unix:a\nb"]), [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("variable takes NAME=VALUE, whatever the value", () => {
  assertEquals(parseAll(variable, ["A=b=c", "A=", "A=two\nlines", "A", "=b"]), [
    [{ name: "A", value: "b=c" }],
    [{ name: "A", value: "" }],
    [{ name: "A", value: "two\nlines" }],
    undefined,
    undefined,
  ]);
});
