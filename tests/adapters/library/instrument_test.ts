import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { startWorkerInstrumentation } from "../../../src/adapters/library/instrument.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { Registry } from "../../../src/core/registry.ts";
import { checkoutPath, startServing } from "../../integration/serving.ts";
import { sumOf } from "../../support/exposition.ts";
import { tempDir } from "../../support/temp_dir.ts";

const MODULE = JSON.stringify(new URL("../../../mod.ts", import.meta.url).href);

/** Runs a program that ends by itself with these permissions; gives what it prints. */
async function run(source: string, flags: readonly string[], env: Record<string, string> = {}) {
  await using dir = await tempDir();
  const program = `${dir.path}/program.ts`;
  await Deno.writeTextFile(program, source);
  const config = checkoutPath("deno.json");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--config", config, ...flags, program],
    env,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assertEquals(text.decode(stderr), "");
  assertEquals(success, true);
  return text.decode(stdout);
}

const PROGRAM = `
const native = Response;
const { instrument, register } = await import(${MODULE});
console.log(Response === native, (await register.getMetricsAsJSON()).length);
const answer = instrument({ fetch: (request: Request) => new Response("hello") });
answer.fetch(new Request("http://localhost/"));
console.log(Response === native);
console.log(await register.metrics());
`;

Deno.test("instrument() needs no permission and lets the process end when it is used alone", async () => {
  const printed = await run(PROGRAM, []);
  assertEquals(printed.split("\n").slice(0, 2), ["true 0", "false"]);
  assertStringIncludes(printed, 'gunicorn_worker_requests_total{worker_id="worker_1"} 1\n');
});

Deno.test("instrument() takes the worker's name when it may read GPE_WORKER_ID", async () => {
  const flags = ["--allow-env=GPE_WORKER_ID"];
  const printed = await run(PROGRAM, flags, { GPE_WORKER_ID: "worker_9" });
  assertStringIncludes(printed, 'gunicorn_worker_requests_total{worker_id="worker_9"} 1\n');
});

Deno.test("instrument() tells sizes by endpoint when GPE_SIZES_BY_ENDPOINT says so, and it may be read", async () => {
  const flags = ["--allow-env=GPE_SIZES_BY_ENDPOINT"];
  const series = 'gunicorn_worker_response_size_bytes_count{worker_id="worker_1",endpoint="/"} 1\n';
  assertStringIncludes(await run(PROGRAM, flags, { GPE_SIZES_BY_ENDPOINT: "true" }), series);
  for (const [flags, value] of [[["--allow-env=GPE_SIZES_BY_ENDPOINT"], "false"], [[], "true"]]) {
    const printed = await run(PROGRAM, flags as string[], {
      GPE_SIZES_BY_ENDPOINT: value as string,
    });
    assertStringIncludes(printed, '_response_size_bytes_count{worker_id="worker_1"} 1\n');
  }
});

Deno.test("instrument() says what is wrong with GPE_SIZES_BY_ENDPOINT", () => {
  Deno.env.set("GPE_SIZES_BY_ENDPOINT", "maybe");
  try {
    assertThrows(
      () => startWorkerInstrumentation({ register: new Registry() }),
      ConfigError,
      'GPE_SIZES_BY_ENDPOINT is "maybe", expected',
    );
  } finally {
    Deno.env.delete("GPE_SIZES_BY_ENDPOINT");
  }
});

const APPS: Readonly<Record<string, string>> = {
  "export default": `export default instrument({ fetch: () => new Response("hello") });`,
  "Deno.serve": `Deno.serve(instrument((_request: Request) => new Response("hello")));`,
};

for (const [name, app] of Object.entries(APPS)) {
  Deno.test(`instrument() counts once when ${name} is instrumented under gpe serve`, async () => {
    await using dir = await tempDir();
    const path = `${dir.path}/app.ts`;
    await Deno.writeTextFile(path, `import { instrument } from ${MODULE};\n${app}\n`);
    await using serving = await startServing(path, { workers: 1 });
    for (let i = 0; i < 5; i++) assertEquals(await (await fetch(serving.app)).text(), "hello");
    const samples = await serving.scrape();
    for (const metric of ["requests_total", "responses_total", "response_size_bytes_count"]) {
      assertEquals(sumOf(samples, `gunicorn_worker_${metric}`), 5, metric);
    }
  });
}
