/** Runs the examples of frameworks, and says what a page must show after the same few requests. */
import { assertEquals } from "@std/assert";
import { checkoutPath, scrapePage } from "../../integration/serving.ts";
import { parseExposition, sumOf } from "../../support/exposition.ts";
import { freePort } from "../../support/free_port.ts";
import { nodeProject, type NodeVersion } from "../../support/node_project.ts";
import { readPage } from "../../support/pages.ts";
import { spawn, type Spawned } from "../../support/spawn.ts";

/** Where the examples are. */
const EXAMPLES = "examples/frameworks/";

/** An example that runs on Node. */
export interface NodeExample extends AsyncDisposable {
  /** Its URL, without a slash at the end. */
  readonly url: string;
  /** The process. */
  readonly program: Spawned;
}

/** Files of the examples in a directory where their packages are found. */
export interface ExampleFolder extends AsyncDisposable {
  /** The absolute path. */
  readonly path: string;
}

/** Copies examples to where the packages of the tests are; `replaced` exchanges words in them. */
export async function exampleFolder(
  names: readonly string[],
  replaced: Readonly<Record<string, string>> = {},
): Promise<ExampleFolder> {
  const folder = await (await nodeProject()).folder("plain");
  for (const name of names) {
    let source = await Deno.readTextFile(checkoutPath(EXAMPLES + name));
    for (const [from, to] of Object.entries(replaced)) source = source.replaceAll(from, to);
    await Deno.writeTextFile(`${folder.path}/${name}`, source);
  }
  return folder;
}

/** Runs an example on Node; the others are modules that it imports. */
export async function startNodeExample(
  version: NodeVersion,
  names: readonly [main: string, ...others: string[]],
  replaced: Readonly<Record<string, string>> = {},
): Promise<NodeExample> {
  const folder = await exampleFolder(names, replaced);
  const port = freePort();
  const program = spawn((await nodeProject()).node(version), [`${folder.path}/${names[0]}`], {
    cwd: folder.path,
    env: {
      PORT: `${port}`,
      GPE_SIZES_BY_ENDPOINT: "true",
      PROMETHEUS_MULTIPROC_DIR: `${folder.path}/metrics`,
    },
  });
  const example = {
    url: `http://127.0.0.1:${port}`,
    program,
    async [Symbol.asyncDispose]() {
      await program.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
  try {
    await program.waitForOutput(/^Listening/m);
    return example;
  } catch (error) {
    await example[Symbol.asyncDispose]();
    throw error;
  }
}

/** The requests that every example understands, with the status of their answers. */
const REQUESTS: readonly [method: string, path: string, status: number][] = [
  ["GET", "/users/7", 200],
  ["GET", "/users/ada", 200],
  ["POST", "/users", 201],
  ["GET", "/users/7/photo", 500],
  ["GET", "/users/7/secret", 403],
  ["GET", "/nowhere/7", 404],
];

/**
 * Sends them, and checks every metric that they move on the example's own page, and the samples that
 * the documentation shows of it.
 *
 * @param docs The page of the documentation.
 */
export async function checkExample(url: string, docs: string): Promise<void> {
  let userSize = 0;
  for (const [method, path, status] of REQUESTS) {
    const body = method === "POST" ? { body: "x".repeat(2000) } : {};
    const response = await fetch(url + path, { method, ...body });
    assertEquals([path, response.status], [path, status]);
    const { length } = await response.bytes();
    if (path.startsWith("/users/") && status === 200) userSize += length;
  }
  const samples = await scrapePage(`${url}/metrics`);
  const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
    sumOf(samples, `gunicorn_worker_${name}`, labels);

  assertEquals(sum("requests_total"), REQUESTS.length);
  assertEquals(sum("request_duration_seconds_count"), REQUESTS.length);
  for (const code of ["200", "201", "500", "403", "404"]) {
    const wanted = REQUESTS.filter(([, , status]) => `${status}` === code).length;
    assertEquals([code, sum("responses_total", { code })], [code, wanted]);
  }

  const failure = { method: "GET", endpoint: "/users/:id/photo", error_type: "RangeError" };
  for (const name of ["failed_requests_total", "error_handling_total"]) {
    assertEquals([name, sum(name, failure), sum(name)], [name, 1, 1]);
  }

  const answers = (endpoint: string): number => sum("response_size_bytes_count", { endpoint });
  assertEquals(
    ["/users/:id", "/users", "/users/:id/photo", "/users/:id/secret", "__other__"].map(answers),
    [2, 1, 1, 1, 1],
  );
  assertEquals(sum("response_size_bytes_count"), REQUESTS.length);
  assertEquals(sum("response_size_bytes_sum", { endpoint: "/users/:id" }), userSize);
  assertEquals(sum("request_size_bytes_sum", { endpoint: "/users" }), 2000);
  assertEquals(sum("request_size_bytes_count"), 1);

  for (const { kind, text } of (await readPage(docs)).blocks) {
    if (kind !== "text") continue;
    for (const [key, value] of parseExposition(text)) {
      assertEquals([key, samples.get(key)], [key, value]);
    }
  }
}
