import { assertEquals, assertMatch } from "@std/assert";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type NodeHandler, nodeHandler } from "../../../src/adapters/node/mod.ts";

type FetchHandler = Parameters<typeof nodeHandler>[0];

/** A server of `node:http`; disposing of it closes it. */
async function serve(listener: NodeHandler) {
  const server = http.createServer((request, response) => listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends bytes; what comes back until the server closes. */
async function sendRaw(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

Deno.test("nodeHandler() hands the method, the URL and the headers on, and the answer back", async () => {
  const seen: unknown[] = [];
  const handler: FetchHandler = (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const { method, headers } = request;
    seen.push([method, pathname, searchParams.getAll("name[]"), headers.get("accept")]);
    const answer = new Response("café", { status: 203, headers: { "x-answer": "1" } });
    answer.headers.append("set-cookie", "a=1");
    answer.headers.append("set-cookie", "b=2");
    return answer;
  };
  await using server = await serve(nodeHandler(handler));
  const response = await fetch(`${server.url}/metrics?name[]=a&name[]=b`, {
    headers: { accept: "text/plain" },
  });
  assertEquals(await response.text(), "café");
  assertEquals(response.status, 203);
  assertEquals(response.headers.get("x-answer"), "1");
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(seen, [["GET", "/metrics", ["a", "b"], "text/plain"]]);
});

Deno.test("nodeHandler() answers HEAD with the length and no body", async () => {
  const handler: FetchHandler = ({ method }) =>
    new Response(method === "HEAD" ? null : "12345", { headers: { "content-length": "5" } });
  await using server = await serve(nodeHandler(handler));
  const answer = await sendRaw(
    server.port,
    "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  );
  assertMatch(answer, /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 5\r\n[^]*\r\n\r\n$/i);
});

Deno.test("nodeHandler() takes whatever stands for the host and the path", async () => {
  const handler: FetchHandler = ({ url }) => new Response(url);
  await using server = await serve(nodeHandler(handler));
  const cases = [
    ["GET //other/x HTTP/1.1\r\nHost: here:81", "http://here:81//other/x"],
    ["GET /x HTTP/1.1\r\nHost: evil/y?@", "http://localhost/x"],
    ["GET http://there/z HTTP/1.1\r\nHost: here", "http://there/z"],
    ["OPTIONS * HTTP/1.1\r\nHost: here", "http://localhost/"],
    ["GET /x HTTP/1.1\r\nHost: [::1]:9", "http://[::1]:9/x"],
  ];
  for (const [head, url] of cases) {
    const answer = await sendRaw(server.port, `${head}\r\nConnection: close\r\n\r\n`);
    assertEquals(answer.split("\r\n\r\n")[1]!.match(/http\S+/)?.[0], url, head);
  }
  const trace = await sendRaw(
    server.port,
    "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  );
  assertMatch(trace, /^HTTP\/1\.1 400 /);
});

for (const kind of ["throws", "rejects"] as const) {
  const handler: FetchHandler = () => {
    if (kind === "throws") throw new Error("no page");
    return Promise.reject(new Error("no page"));
  };

  Deno.test(`nodeHandler() answers 500 when the handler ${kind}`, async () => {
    await using server = await serve(nodeHandler(handler));
    const response = await fetch(server.url);
    assertEquals([response.status, await response.text()], [500, "Cannot answer: no page\n"]);
  });

  Deno.test(`nodeHandler() gives the error to next when the handler ${kind}`, async () => {
    const errors: unknown[] = [];
    const listener = nodeHandler(handler);
    await using server = await serve((request, response) =>
      listener(request, response, (error) => {
        errors.push(error);
        response.statusCode = 418;
        response.end();
      })
    );
    const response = await fetch(server.url);
    await response.body?.cancel();
    assertEquals([response.status, errors], [418, [new Error("no page")]]);
  });
}
