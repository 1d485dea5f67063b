/**
 * `deno task pack [DIRECTORY]`: the npm package, as the archive that `npm publish` takes. It is the
 * library without the command line, which needs Deno, and is made by `deno pack` from a copy of the
 * checkout that has nothing else; then its `package.json` is completed.
 */
import { resolve } from "@std/path";

const ROOT = new URL("../", import.meta.url);

/** What goes into the package, beside the modules that the exports reach. */
const PAGES = ["README.md", "CHANGELOG.md", "LICENSE", "docs"];

/** Everything that the package is made from, for those who want to know whether it has changed. */
export const NPM_PACKAGE_SOURCES = ["deno.json", "src", ...PAGES, "tools/npm_package.ts"];

/** What `deno pack` does not know. */
const METADATA = {
  description: "Exact Prometheus metrics for servers that run as many workers, from one endpoint",
  keywords: ["prometheus", "metrics", "cluster", "worker_threads", "multiprocess", "prom-client"],
  // The first with process.getBuiltinModule().
  engines: { node: "^20.16 || >=22.3" },
  sideEffects: false,
  publishConfig: { access: "public" },
  // Each is loaded when it is used, and only then.
  peerDependencies: { ioredis: "^5.3.0 || ^6.0.0", koffi: "^3.0.0" },
  peerDependenciesMeta: { ioredis: { optional: true }, koffi: { optional: true } },
};

if (import.meta.main) {
  const directory = resolve(Deno.args[0] ?? ".");
  const work = await Deno.makeTempDir({ prefix: "gpe_npm_" });
  try {
    await makeNpmPackage(`${work}/package`);
    console.log(await packNpmPackage(`${work}/package`, directory));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Makes the package, unpacked, in a directory that is not there yet. */
export async function makeNpmPackage(target: string): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "gpe_pack_" });
  try {
    await stage(`${work}/checkout`);
    const archive = `${work}/package.tgz`;
    const flags = ["--allow-dirty", "--no-source-maps", "--output", archive];
    await run(Deno.execPath(), ["pack", ...flags], `${work}/checkout`);
    await Deno.mkdir(target);
    await run("tar", ["-xzf", archive, "--strip-components", "1", "-C", target], work);
    const path = `${target}/package.json`;
    const made = JSON.parse(await Deno.readTextFile(path));
    const whole = { ...made, ...METADATA, typesVersions: typesVersions(made.exports) };
    await Deno.writeTextFile(path, JSON.stringify(whole, undefined, 2) + "\n");
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Where TypeScript 5 looks for the types of `@gpe/cli/node` when `module` is `commonjs`. */
function typesVersions(exports: Readonly<Record<string, { readonly types: string }>>): unknown {
  const paths = Object.entries(exports).filter(([path]) => path !== ".");
  return { "*": Object.fromEntries(paths.map(([path, { types }]) => [path.slice(2), [types]])) };
}

/** Packs the package. @returns the path of the archive */
export async function packNpmPackage(source: string, directory: string): Promise<string> {
  const flags = ["--json", "--pack-destination", directory];
  const [{ filename }] = JSON.parse(await run("npm", ["pack", source, ...flags], directory));
  return `${directory}/${filename}`;
}

/** Copies what the package is made from, with a configuration that has nothing of the command line. */
async function stage(target: string): Promise<void> {
  for (const path of ["src", ...PAGES]) {
    for await (const file of filesBelow(path)) {
      await Deno.mkdir(`${target}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(new URL(file, ROOT), `${target}/${file}`);
    }
  }
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const imports = Object.entries<string>(config.imports);
  const staged = {
    name: config.name,
    version: config.version,
    license: config.license,
    exports: { ...config.exports, ".": "./src/mod.ts" },
    publish: { include: PAGES },
    // A module that reaches a package of JSR is refused: npm does not have it.
    imports: Object.fromEntries(imports.filter(([, target]) => target.startsWith("npm:"))),
    compilerOptions: config.compilerOptions,
  };
  await Deno.writeTextFile(`${target}/deno.json`, JSON.stringify(staged));
}

/** The files at or below a path of the checkout, in a fixed order. */
export async function* filesBelow(path: string): AsyncGenerator<string> {
  if ((await Deno.stat(new URL(path, ROOT))).isFile) {
    yield path;
    return;
  }
  const names = [...Deno.readDirSync(new URL(path, ROOT))].map((entry) => entry.name).sort();
  for (const name of names) yield* filesBelow(`${path}/${name}`);
}

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  const said = text.decode(stderr);
  throw new Error(
    `Cannot pack: "${program} ${args.join(" ")}" failed, expected it to work\n${said}`,
  );
}
