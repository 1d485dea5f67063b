import { assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import * as prom from "prom-client";
import client, * as ours from "../../mod.ts";
import { cleanEnv, ROOT } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

const corpus = await Deno.readTextFile(new URL("corpus.ts", import.meta.url));

/** Runs `deno`, and gives what it prints. */
async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: cleanEnv(),
    clearEnv: true,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("a program that uses all of prom-client compiles with our package, and prints the same", async () => {
  await using dir = await tempDir();
  // The corpus with either module in the place of prom-client.
  const modules = {
    // Its types have no default export, which Node gives it all the same.
    theirs: "npm:prom-client@^15.1.3",
    own: new URL("mod.ts", ROOT).href,
  };
  const paths = await Promise.all(
    Object.entries(modules).map(async ([name, module]) => {
      const path = `${dir.path}/${name}.ts`;
      await Deno.writeTextFile(path, corpus.replaceAll('"prom-client"', JSON.stringify(module)));
      return path;
    }),
  );
  const config = ["--config", new URL("deno.json", ROOT).pathname, "--quiet"];
  // Checked at once: they have most types in common.
  const [, theirs, own] = await Promise.all([
    deno("check", ...config, ...paths),
    ...paths.map((path) => deno("run", "-A", "--no-check", ...config, path)),
  ]);
  assertGreater(theirs!.length, 5000);
  assertEquals(own, theirs);
});

/** What prom-client exports beside what its types tell. */
const UNTOLD = ["aggregators"];

Deno.test("the default export and the names are all that prom-client's types tell", () => {
  const names = Object.keys(prom).filter((name) =>
    name !== "default" && name !== "module.exports" && !UNTOLD.includes(name)
  );
  assertGreater(names.length, 10);
  assertEquals(Object.keys(client).sort(), names.sort());
  for (const name of names) {
    assertStrictEquals(
      (ours as Record<string, unknown>)[name],
      (client as Record<string, unknown>)[name],
    );
  }
});

/** What classes of prom-client have for themselves. */
const INTERNAL =
  /^(?:_.*|getForPromString|getMetricsAsString|updateExemplar|(?:inc|observe)With(?:out)?Exemplar)$/;

Deno.test("our classes have all methods and statics of prom-client's", () => {
  for (
    const name of [
      "Registry",
      "AggregatorRegistry",
      "Counter",
      "Gauge",
      "Histogram",
      "Summary",
      "Pushgateway",
    ] as const
  ) {
    for (const part of ["statics", "methods"] as const) {
      const list = (target: unknown): string[] => {
        const names = new Set<string>();
        let object = part === "statics"
          ? target as object
          : (target as { prototype: object }).prototype;
        while (object !== Function.prototype && object !== Object.prototype && object !== null) {
          Object.getOwnPropertyNames(object).forEach((key) => names.add(key));
          object = Object.getPrototypeOf(object);
        }
        return [...names].filter((key) => !INTERNAL.test(key) && key !== "globalRegistry");
      };
      const own = new Set(list(client[name]));
      assertEquals(list(prom[name]).filter((key) => !own.has(key)), [], `${name}: ${part}`);
    }
  }
});
