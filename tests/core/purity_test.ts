import { stripTypeScriptTypes } from "node:module";
import { createContext, runInContext, SourceTextModule } from "node:vm";
import { assertEquals, assertGreater } from "@std/assert";
import { ROOT } from "../support/spawn.ts";

const CORE = new URL("src/core/", ROOT);
/** Modules of the core may import values from the core, and types from prom-client. */
const ALLOWED = /^\.\/[a-z0-9_/]+\.ts$/;
const ALLOWED_TYPES = /^(?:\.\/[a-z0-9_/]+\.ts|prom-client|npm:prom-client(?:@[^/]+)?)$/;
/** What only one runtime has: the core may not even ask for it. */
const RUNTIME = ["Deno", "process", "require", "Buffer", "Bun", "__dirname", "setImmediate"];

interface Dependency {
  readonly specifier: string;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly isDynamic?: boolean;
}

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function coreFiles(): URL[] {
  return [...Deno.readDirSync(CORE)].filter((entry) => entry.name.endsWith(".ts"))
    .map((entry) => new URL(entry.name, CORE)).sort((a, b) => a.href < b.href ? -1 : 1);
}

Deno.test("core imports nothing but itself, and types of prom-client", async () => {
  const files = coreFiles();
  assertGreater(files.length, 10);
  const refused: string[] = [];
  // One entry that imports every file gives the whole graph in one go.
  const entry = files.map((file) => `import ${JSON.stringify(file.href)};`).join("\n");
  const data = `data:application/typescript,${encodeURIComponent(entry)}`;
  const { modules } = JSON.parse(await deno("info", "--json", data)) as {
    modules: { specifier: string; dependencies?: Dependency[] }[];
  };
  const core = modules.filter(({ specifier }) => specifier.startsWith(CORE.href));
  assertEquals(core.map(({ specifier }) => specifier).sort(), files.map(({ href }) => href));
  for (const { specifier, dependencies = [] } of core) {
    const source = await Deno.readTextFile(new URL(specifier));
    for (const { specifier: wanted } of dependencies) {
      const isTypeOnly = typeOnlyImports(source).has(wanted);
      if (!(isTypeOnly ? ALLOWED_TYPES : ALLOWED).test(wanted)) {
        refused.push(`${specifier.slice(CORE.href.length)} imports ${wanted}`);
      }
    }
  }
  assertEquals(refused, []);
});

/** The modules of which a source imports or exports types alone. */
function typeOnlyImports(source: string): Set<string> {
  const found = new Map<string, boolean>();
  for (const match of source.matchAll(/^(import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm)) {
    const specifier = match[3] as string;
    found.set(specifier, (found.get(specifier) ?? true) && match[2] !== undefined);
  }
  return new Set([...found].filter(([, typeOnly]) => typeOnly).map(([specifier]) => specifier));
}

Deno.test("core runs where there is nothing but the language", async () => {
  // A realm of its own: no Deno, no process, no web API.
  const context = createContext({});
  assertEquals(
    runInContext("typeof Deno + typeof process + typeof setTimeout", context),
    [
      "undefined",
      "undefined",
      "undefined",
    ].join(""),
  );
  const modules = new Map<string, SourceTextModule>();
  const load = (specifier: string): SourceTextModule => {
    const name = specifier.replace("./", "");
    let module = modules.get(name);
    if (module === undefined) {
      const source = stripTypeScriptTypes(Deno.readTextFileSync(new URL(name, CORE)));
      module = new SourceTextModule(source, { context, identifier: name });
      modules.set(name, module);
    }
    return module;
  };
  const entry = new SourceTextModule(USE_OF_CORE, { context, identifier: "use_of_core" });
  await entry.link(load);
  await entry.evaluate();
  assertEquals(await (entry.namespace as { page: Promise<string> }).page, PAGE);
});

/** A metric, a writer, a reader and a page. */
const USE_OF_CORE = `
import * as core from "./mod.ts";
import { createAggregator } from "./aggregate.ts";
import { renderText } from "./exposition_text.ts";
import { createMemoryStorage } from "./memory_driver.ts";
import { processStore } from "./process_store.ts";
const registers = [new core.Registry()];
const options = { help: "Help", labelNames: ["l"], registers };
const counter = new core.Counter({ name: "c_total", ...options });
const gauge = new core.Gauge({ name: "g", multiprocessMode: "livesum", ...options });
const histogram = new core.Histogram({ name: "h", buckets: [1], ...options });
const storage = createMemoryStorage();
processStore().open(storage.openWriter({ writer: "1", startTime: 0 }));
counter.inc({ l: "é" }, 0.5);
gauge.set({ l: "1" }, 2);
histogram.observe({ l: "1" }, 3);
export const page = storage.openReader().read()
  .then((snapshot) => renderText(createAggregator().aggregate(snapshot).families));
`;

const PAGE = `# HELP c_total Help
# TYPE c_total counter
c_total{l="é"} 0.5
# HELP g Help
# TYPE g gauge
g{l="1"} 2
# HELP h Help
# TYPE h histogram
h_bucket{l="1",le="1.0"} 0
h_bucket{l="1",le="+Inf"} 1
h_sum{l="1"} 3
h_count{l="1"} 1
`;

Deno.test("core does not name what only one runtime has", async () => {
  const found: string[] = [];
  for (const file of coreFiles()) {
    const code = withoutComments(await Deno.readTextFile(file));
    for (const name of RUNTIME) {
      if (new RegExp(`(?<![\\w$."'\`-])${name}\\b(?!\\s*:)`).test(code)) {
        found.push(`${file.href.slice(CORE.href.length)} names ${name}`);
      }
    }
  }
  assertEquals(found, []);
});

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
