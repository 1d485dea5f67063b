/** The endpoint behind a real server. */
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { serveMetricsEndpoint } from "../../src/adapters/deno/metrics_server.ts";
import { serveMetricsOnNode } from "../../src/adapters/http/metrics_server.ts";
import type { MetricsHostOptions, MetricsServer } from "../../src/adapters/metrics_host.ts";
import { SILENT_LOG } from "../../src/core/log.ts";
import { createMemoryStorage } from "../../src/core/memory_driver.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import type { Snapshot, StorageReader } from "../../src/core/storage.ts";
import { createMetricsEndpoint } from "../../src/endpoint/mod.ts";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { waitFor } from "../support/wait_for.ts";

/** A reader that can be held up. */
class Gate {
  reads = 0;
  #open: Promise<void> = Promise.resolve();
  readonly #reader: StorageReader;

  constructor(reader: StorageReader) {
    this.#reader = reader;
  }

  readonly reader: StorageReader = {
    read: async (): Promise<Snapshot> => {
      this.reads++;
      const snapshot = await this.#reader.read();
      await this.#open;
      return snapshot;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };

  /** Reads stop after having read, until the result is called. */
  close(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open = promise;
    return resolve;
  }
}

type Host = (options: MetricsHostOptions) => MetricsServer | Promise<MetricsServer>;

const HOSTS: Readonly<Record<string, Host>> = {
  "Deno.serve": serveMetricsEndpoint,
  "node:http": (options) => serveMetricsOnNode(options),
};

async function startServer(host: Host, seriesCount = 1) {
  const storage = createMemoryStorage();
  const writer = storage.openWriter({ writer: "1" });
  const cells = Array.from({ length: seriesCount }, (_, i) => {
    const labels = { series: String(i), padding: "x".repeat(100) };
    return writer.allocate(
      "counter",
      undefined,
      encodeSampleKey("hits", "hits_total", labels, "h"),
    );
  });
  const gate = new Gate(storage.openReader());
  const endpoint = createMetricsEndpoint({ reader: gate.reader, version: "1", runtime: "test" });
  const arrived = { count: 0 };
  const handler = (request: Request): Promise<Response> => {
    arrived.count++;
    return endpoint(request);
  };
  const server = await host({ handler, hostname: "127.0.0.1", port: 0, log: SILENT_LOG });
  const url = `http://127.0.0.1:${server.port}`;
  const add = (): void => {
    const cell = cells[0]!;
    cell.values[cell.index]! += 1;
  };
  return { gate, server, url, add, arrived };
}

/** Sends a request as it is written and reads the answer to the end. */
async function raw(port: number, request: string): Promise<{ head: string; body: Uint8Array }> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const closing = `${request}\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(closing));
  const bytes = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  return { head: text.slice(0, end).toLowerCase(), body: bytes.subarray(end + 4) };
}

async function hits(url: string): Promise<number> {
  const response = await fetch(`${url}/metrics`);
  return sumOf(parseExposition(await response.text()), "hits_total");
}

/** The status line and the headers; their order has no meaning. */
function headers(head: string): string[] {
  return head.split("\r\n").filter((line) => !line.startsWith("date:")).sort();
}

/** Sees how servers of `Deno.serve` shut down that their owner does not wait for to the end. */
function watchShutdowns() {
  const { serve } = Deno;
  const shutdowns: Promise<void>[] = [];
  Deno.serve = ((...args: Parameters<typeof serve>) => {
    const server = serve(...args);
    const shutdown = server.shutdown.bind(server);
    return Object.assign(server, {
      shutdown() {
        const ended = shutdown();
        shutdowns.push(ended);
        return ended;
      },
    });
  }) as typeof serve;
  return {
    settled: () => Promise.all(shutdowns),
    [Symbol.dispose]: () => void (Deno.serve = serve),
  };
}

for (const [name, host] of Object.entries(HOSTS)) {
  Deno.test(`${name}: /metrics over HTTP is compressed when the client takes gzip, and only then`, async () => {
    const { server, url } = await startServer(host, 100);
    await using _ = server;
    const plain = await raw(server.port, "GET /metrics?name[]=hits_total HTTP/1.1");
    assert(!plain.head.includes("content-encoding"));
    assertStringIncludes(plain.head, "vary: accept, accept-encoding");
    const refused = await raw(
      server.port,
      "GET /metrics?name[]=hits_total HTTP/1.1\r\nAccept-Encoding: br, gzip;q=0",
    );
    assert(!refused.head.includes("content-encoding"));
    const packed = await raw(
      server.port,
      "GET /metrics?name[]=hits_total HTTP/1.1\r\nAccept-Encoding: deflate;q=0.5, gzip;q=0.7",
    );
    assertStringIncludes(packed.head, "content-encoding: gzip");
    assertStringIncludes(packed.head, `content-length: ${packed.body.length}`);
    assert(packed.body.length < plain.body.length / 5);
    const stream = new Blob([new Uint8Array(packed.body)]).stream()
      .pipeThrough(new DecompressionStream("gzip"));
    const page = new TextDecoder().decode(plain.body);
    assertEquals(await new Response(stream).text(), page);
    assertEquals(await (await fetch(`${url}/metrics?name[]=hits_total`)).text(), page);
  });

  Deno.test(`${name}: HEAD has the headers of GET and no body`, async () => {
    const { server } = await startServer(host);
    await using _ = server;
    for (const path of ["/metrics?name[]=hits_total", "/", "/healthz", "/missing"]) {
      const get = await raw(server.port, `GET ${path} HTTP/1.1`);
      const head = await raw(server.port, `HEAD ${path} HTTP/1.1`);
      assertEquals(headers(head.head), headers(get.head));
      assertEquals(head.body.length, 0);
    }
  });

  Deno.test(`${name}: concurrent scrapes share a read, and none gets one that began before it`, async () => {
    const { gate, server, url, add, arrived } = await startServer(host);
    await using _ = server;
    const open = gate.close();
    add();
    const first = hits(url);
    await waitFor(() => gate.reads === 1);
    add();
    const late = Array.from({ length: 20 }, () => hits(url));
    await waitFor(() => arrived.count === 21);
    assertEquals(gate.reads, 1);
    open();
    assertEquals(await first, 1);
    assertEquals(await Promise.all(late), Array(20).fill(2));
    assertEquals(gate.reads, 2);
  });

  Deno.test(`${name}: a client that does not read its page holds up nobody`, async () => {
    const { gate, server, url, add } = await startServer(host, 40_000);
    await using _ = server;
    using slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    await slow.write(new TextEncoder().encode(request));
    await waitFor(() => gate.reads === 1);
    add();
    assertEquals(await hits(url), 1);
    assertEquals(gate.reads, 2);
  });

  Deno.test(`${name}: a client that does not read its page holds up a stop for a second`, async () => {
    using shutdowns = watchShutdowns();
    const { gate, server } = await startServer(host, 40_000);
    const slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await slow.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    await waitFor(() => gate.reads === 1);
    const started = performance.now();
    await server.stop();
    assertLess(performance.now() - started, 10_000);
    slow.close();
    await shutdowns.settled();
  });

  Deno.test(`${name}: says in one line why it cannot listen`, async () => {
    const { server } = await startServer(host);
    await using _ = server;
    const listen = async (hostname: string, port: number): Promise<string> => {
      const options = { handler: () => new Response(), hostname, port, log: SILENT_LOG };
      return (await assertRejects(async () => await host(options), Error)).message;
    };
    assertEquals(
      await listen("127.0.0.1", server.port),
      `Cannot listen on "127.0.0.1:${server.port}" for the metrics endpoint: the port is in ` +
        "use, expected a free one",
    );
    // 192.0.2.0/24 is kept for documentation (RFC 5737): no machine has such an address.
    // Deno 2.9 gives an error without its reason there when asked by node:http.
    const why = name === "node:http" ? "" : "this machine does not have that address";
    assertStringIncludes(
      await listen("192.0.2.1", 0),
      `Cannot listen on "192.0.2.1:0" for the metrics endpoint: ${why}`,
    );
  });
}
