/**
 * Load on an HTTP server of this host, from a process of its own, over kept connections.
 *
 * `deno run -A bench/support/http_load.ts PORT METHOD MILLISECONDS`
 */
import { type Measured, measureWith } from "./contest.ts";

const CONNECTIONS = 16;

if (import.meta.main) {
  const [port, method, ms] = Deno.args;
  console.log(JSON.stringify(await load(Number(port), method!, Number(ms))));
}

/** Loads a server on 127.0.0.1. @returns How many requests were answered */
export async function loadFromOutside(port: number, method: string, ms: number): Promise<number> {
  const args = ["run", "-A", import.meta.url, `${port}`, method, `${ms}`];
  const { requests } = await measureWith(Deno.execPath(), args);
  return requests!;
}

/** Asks over kept connections, one request at a time on each. Gives how many were answered. */
async function load(port: number, method: string, ms: number): Promise<Measured> {
  const body = method === "POST" ? "name=value&other=value" : "";
  const length = method === "POST" ? `Content-Length: ${body.length}\r\n` : "";
  const request = new TextEncoder().encode(
    `${method} /items/1 HTTP/1.1\r\nHost: localhost\r\n${length}\r\n${body}`,
  );
  let requests = 0;
  let running = true;
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Deno.connect({ port, hostname: "127.0.0.1" })),
  );
  const size = await responseSize(port, request);
  const asked = connections.map(async (connection) => {
    const buffer = new Uint8Array(64 * 1024);
    while (running) {
      await connection.write(request);
      for (let missing = size; missing > 0;) {
        const read = await connection.read(buffer);
        if (read === null) throw new Error("Cannot load the server: it closed a connection");
        missing -= read;
        if (missing < 0) throw new Error("Cannot load the server: responses differ in length");
      }
      requests++;
    }
  });
  await new Promise((resolve) => setTimeout(resolve, ms));
  running = false;
  await Promise.all(asked);
  for (const connection of connections) connection.close();
  return { requests };
}

/** The length of a whole response, head included: the same each time, as is that of its date. */
async function responseSize(port: number, request: Uint8Array): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const text = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  await connection.write(request);
  let page = "";
  while (!isWhole(page)) {
    const read = await connection.read(buffer);
    if (read === null) throw new Error("Cannot load the server: it closed a connection");
    page += text.decode(buffer.subarray(0, read));
  }
  return page.length;
}

function isWhole(page: string): boolean {
  const end = page.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: (\d+)/im.exec(page)?.[1];
  return length === undefined
    ? page.endsWith("\r\n0\r\n\r\n")
    : page.length - end - 4 >= Number(length);
}
