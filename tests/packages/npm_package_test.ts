import { assert, assertEquals } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { NODE_VERSIONS, nodeProject } from "../support/node_project.ts";
import { spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

/** What is used of the `package.json`. */
interface PackageJson {
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly typesVersions: { readonly "*": Readonly<Record<string, readonly string[]>> };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

externalTest(
  "the npm package is the library: its exports, without the command line and sources",
  ["npm"],
  async () => {
    const { files, json } = await readPackage();
    const config = JSON.parse(await Deno.readTextFile("deno.json"));
    assertEquals(json.version, config.version);
    assertEquals(Object.keys(json.exports).sort(), Object.keys(config.exports).sort());
    for (const targets of Object.values(json.exports)) {
      assert(targets.types!.endsWith(".d.ts") && targets.default!.endsWith(".js"));
      for (const target of Object.values(targets)) assert(files.has(target.slice(2)), target);
    }
    for (const [path, { types }] of Object.entries(json.exports)) {
      if (path !== ".") assertEquals(json.typesVersions["*"][path.slice(2)], [types!]);
    }
    for (const page of ["README.md", "CHANGELOG.md", "LICENSE"]) assert(files.has(page), page);
    const foreign = [...files.keys()].filter((path) =>
      !/\.js$|\.d\.ts$|^package\.json$|^LICENSE$|\.md$/.test(path) ||
      /^(tools|tests|src\/cli)\//.test(path)
    );
    assertEquals(foreign, []);
    const mapped = [...files].filter(([, text]) => text.includes("sourceMappingURL"));
    assertEquals(mapped, []);
    // A module that is started by its path is there under another name: it has to be imported.
    const paths = [...files].filter(([path]) => path.endsWith(".js"))
      .filter(([, text]) => /^(?! \*).*(import\.meta\.(resolve|main)|\.ts["'`])/m.test(text));
    assertEquals(paths.map(([path]) => path), []);
  },
);

externalTest("the npm package imports what it depends on, and nothing else", ["npm"], async () => {
  const { path, files, json } = await readPackage();
  const imported = new Set<string>();
  for (const { specifier, resolved } of await importsBelow(path, [...files.keys()])) {
    if (specifier.startsWith(".")) assert(files.has(resolved!), `${specifier}: ${resolved}`);
    else if (!specifier.startsWith("node:")) imported.add(specifier);
  }
  assertEquals([...imported].sort(), Object.keys(json.dependencies).sort());
  // What JSR has for npm's users is in a registry of its own, which they would have to set up.
  assertEquals([...imported].filter((name) => name.startsWith("@jsr/")), []);
  // Peers are loaded by names that are put together at run time.
  const text = [...files].filter(([path]) => path.endsWith(".js")).map(([, text]) => text).join("");
  for (const peer of Object.keys(json.peerDependencies)) {
    assert(json.peerDependenciesMeta[peer]?.optional, peer);
    assert(text.includes(`"${peer}"`), peer);
  }
});

externalTest(
  "every module of the npm package loads on each Node, also with require(), and does nothing",
  ["npm"],
  async () => {
    const { path, files } = await readPackage();
    const modules = [...files.keys()].filter((path) => path.endsWith(".js"));
    const project = await nodeProject();
    await using folder = await project.folder("mapped");
    // require() refuses modules with a top-level await. The standard streams are opened when used.
    const program = `
      void [process.stdout, process.stderr];
      const own = () => Reflect.ownKeys(globalThis).map(String).filter((key) => key.includes("gpe"));
      const state = () => [process.getActiveResourcesInfo(), process.eventNames(), own()].join();
      const before = state();
      for (const path of ${JSON.stringify(modules)}) require(${JSON.stringify(path)} + "/" + path);
      console.log(state() === before || state(), "Counter" in require("@gpe/cli"));
    `;
    await Deno.writeTextFile(`${folder.path}/main.cjs`, program);
    for (const version of NODE_VERSIONS) {
      const args = ["--disable-warning=ExperimentalWarning", "main.cjs"];
      await using node = spawn(project.node(version), args, { cwd: folder.path });
      const { code } = await node.status;
      assertEquals([code, node.stdout, node.stderr], [0, "true true\n", ""]);
    }
  },
);

/** The package that tests use: where it lies, and the text of each file by its path in it. */
async function readPackage(): Promise<
  { readonly path: string; readonly files: ReadonlyMap<string, string>; readonly json: PackageJson }
> {
  const { packagePath } = await nodeProject();
  const files = new Map<string, string>();
  const read = async (directory: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${packagePath}/${directory}`)) {
      if (isDirectory) await read(`${directory}${name}/`);
      else {files.set(
          directory + name,
          await Deno.readTextFile(`${packagePath}/${directory}${name}`),
        );}
    }
  };
  await read("");
  return { path: packagePath, files, json: JSON.parse(files.get("package.json")!) };
}

/** An import, and the path in the package that it means. */
interface Import {
  readonly specifier: string;
  readonly resolved: string | undefined;
}

/** What the modules import, also by `import()`, as Deno's parser sees them. */
async function importsBelow(packagePath: string, paths: readonly string[]): Promise<Import[]> {
  await using temp = await tempDir();
  const root = await Deno.realPath(temp.path);
  const modules = paths.filter((path) => path.endsWith(".js"));
  // Not where it is installed: modules below "node_modules" are not looked into.
  for (const path of modules) {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(`${packagePath}/${path}`, `${root}/${path}`);
  }
  await Deno.writeTextFile(
    `${root}/all.js`,
    modules.map((path) => `import "./${path}";`).join("\n"),
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", "--no-lock", "all.js"],
    cwd: root,
  }).output();
  const graph: Graph = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(graph.modules.filter(({ kind }) => kind === "esm").length, modules.length + 1);
  return graph.modules.flatMap(({ dependencies = [] }) =>
    dependencies.map(({ specifier, code }) => ({
      specifier,
      resolved: code?.specifier?.replace(`file://${root}/`, ""),
    }))
  );
}

/** What `deno info --json` prints. */
interface Graph {
  readonly modules: readonly {
    readonly kind: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}
