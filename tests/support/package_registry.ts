/**
 * A registry on loopback, for programs that use what is published: as JSR it serves the package from
 * the checkout, and the stand-ins for "@std" as these packages; as npm it serves an archive.
 *
 * What Deno asks JSR for: `meta.json` names the versions of a package, `VERSION_meta.json` its exports
 * and files with their checksums, and each file stands below `VERSION/`.
 */
import { filesBelow } from "../../tools/npm_package.ts";
import { ROOT, spawn, type Spawned } from "./spawn.ts";
import { tempDir } from "./temp_dir.ts";

/** A running registry; `await using` ends it. */
export interface PackageRegistry extends AsyncDisposable {
  /** Where the files of the package are. */
  readonly packageUrl: string;
  /** A directory for programs that get their packages from here. */
  readonly directory: string;
  /** Starts `deno` in the directory, with nothing of this checkout and with a cache of its own. */
  deno(args: readonly string[], env?: Readonly<Record<string, string>>): Spawned;
}

/** What is served. */
type Answers = Map<string, string | Uint8Array<ArrayBuffer>>;

/** A package as it is published. */
interface Published {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  /** The content of each file by its path, which begins with a slash. */
  readonly files: ReadonlyMap<string, string>;
}

/** The configuration of a package. */
interface Config {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
  readonly publish?: { readonly include: readonly string[] };
}

const STANDARD = ["tools/std/cli", "tools/std/path"];

/**
 * Starts the registry.
 *
 * @param archive The path of the npm package, where programs use `npm:@gpe/cli`.
 */
export async function startPackageRegistry(archive?: string): Promise<PackageRegistry> {
  const answers: Answers = new Map();
  const own = await publish("");
  for (const published of [own, ...await Promise.all(STANDARD.map(publish))]) {
    await addToJsr(answers, published);
  }
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const answer = answers.get(decodeURIComponent(new URL(request.url).pathname));
    return answer === undefined
      ? new Response("not found", { status: 404 })
      : new Response(answer, { headers: { "content-type": "text/plain" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const [cache, home] = [await tempDir(), await tempDir()];
  await copyNpmCache(cache.path);
  if (archive !== undefined) {
    await addToNpm(answers, url, archive);
    await Deno.writeTextFile(`${home.path}/.npmrc`, `@gpe:registry=${url}npm/\n`);
    // Deno reads the file beside a configuration.
    await Deno.writeTextFile(`${home.path}/deno.json`, `{ "lock": false }`);
  }
  return {
    packageUrl: `${url}@gpe/cli/${own.version}/`,
    directory: home.path,
    deno: (args, env) =>
      spawn(Deno.execPath(), args, {
        cwd: home.path,
        env: { JSR_URL: url, DENO_DIR: cache.path, ...env },
      }),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await cache[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

async function publish(directory: string): Promise<Published> {
  const config: Config = JSON.parse(await readText(`${directory}/deno.json`.replace(/^\//, "")));
  const { name, version, exports, imports = {}, publish } = config;
  const files = new Map<string, string>();
  for (const path of publish?.include ?? ["."]) {
    for await (const file of filesBelow(`${directory}/${path}`.replace(/^\/|\/\.$/g, ""))) {
      const text = await readText(file);
      const key = file.slice(directory.length).replace(/^\/?/, "/");
      files.set(key, key.endsWith(".ts") ? unfurl(text, imports) : text);
    }
  }
  return { name, version, exports, files };
}

/** Names packages as `deno publish` does: the file that says what a bare name means stays at home. */
function unfurl(text: string, imports: Readonly<Record<string, string>>): string {
  return text.replace(/\b(from |import\(|import )"([^".:]+)"/g, (whole, keyword, specifier) => {
    const name = Object.keys(imports).find((name) => `${specifier}/`.startsWith(`${name}/`));
    if (name === undefined) return whole;
    return `${keyword}"${imports[name]}${specifier.slice(name.length)}"`;
  });
}

async function addToJsr(answers: Answers, published: Published): Promise<void> {
  const { name, version, exports, files } = published;
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, text] of files) {
    const bytes = new TextEncoder().encode(text);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    manifest[path] = { size: bytes.length, checksum: `sha256-${digest}` };
    answers.set(`/${name}/${version}${path}`, text);
  }
  answers.set(`/${name}/${version}_meta.json`, JSON.stringify({ manifest, exports }));
  answers.set(
    `/${name}/meta.json`,
    JSON.stringify({ latest: version, versions: { [version]: {} } }),
  );
}

async function addToNpm(answers: Answers, url: string, archive: string): Promise<void> {
  const json = JSON.parse(await run("tar", ["-xzOf", archive, "package/package.json"]));
  const { name, version } = json;
  const bytes = await Deno.readFile(archive);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64();
  const path = `/npm/${name}/-/cli-${version}.tgz`;
  const dist = { tarball: new URL(path, url).href, integrity: `sha512-${digest}` };
  const versions = { [version]: { ...json, dist } };
  answers.set(path, bytes);
  answers.set(`/npm/${name}`, JSON.stringify({ name, "dist-tags": { latest: version }, versions }));
}

/** What this package uses of the real npm is in the cache of these tests; what is not is fetched. */
async function copyNpmCache(cache: string): Promise<void> {
  const { npmCache } = JSON.parse(await run(Deno.execPath(), ["info", "--json"]));
  const locked = Object.keys(JSON.parse(await readText("deno.lock")).npm);
  const names = new Set(locked.map((key) => /^@?[^@]+/.exec(key)![0]));
  for (const { name: host } of Deno.readDirSync(npmCache)) {
    for (const name of names) {
      const target = `${cache}/npm/${host}/${name}`;
      await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true });
      const args = ["-R", `${npmCache}/${host}/${name}`, target];
      await new Deno.Command("cp", { args, stderr: "null" }).output();
    }
  }
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: [...args] }).output();
  return new TextDecoder().decode(stdout);
}

function readText(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}
