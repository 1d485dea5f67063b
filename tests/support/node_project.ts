/**
 * Real Node: its binaries, the package as npm users have it, and the libraries they have beside it.
 *
 * Everything lies in the checkout's `.cache`, installed when a test first asks for it:
 * ```text diagram
 * .cache/node/PACKAGES/node_modules      all of tests/support/npm/package.json but koffi
 * .cache/node/PACKAGES/apart             koffi
 * .cache/node/PACKAGES/builds/SOURCES/   one for each state of the checkout
 *   plain/node_modules                   @gpe/cli
 *   mapped/node_modules                  @gpe/cli, koffi
 * ```
 * Node looks for a package in the directories above a program, so programs lie below `plain` or
 * `mapped`. What stands under its name is complete: it is made beside it and renamed.
 */
import { filesBelow, makeNpmPackage, NPM_PACKAGE_SOURCES } from "../../tools/npm_package.ts";
import { makeOnce } from "./make_once.ts";
import { cleanEnv, ROOT } from "./spawn.ts";

/** The versions of Node that the package is for. */
export const NODE_VERSIONS = [20, 22, 24] as const;

/** One of them. */
export type NodeVersion = (typeof NODE_VERSIONS)[number];

/** Whether programs find koffi, and so map their files. */
export type ProjectKind = "plain" | "mapped";

/** A directory for programs; `await using` removes it. */
export interface ProjectFolder extends AsyncDisposable {
  /** The absolute path. */
  readonly path: string;
}

/** Node and the packages. */
export interface NodeProject {
  /** The directory that holds everything, also the installed packages in `node_modules`. */
  readonly root: string;
  /** The package as npm unpacks it. */
  readonly packagePath: string;
  /** The path of a binary of Node. */
  node(version: NodeVersion): string;
  /**
   * A new directory for programs, in which `@gpe/cli` (built from the checkout) and the packages of
   * `tests/support/npm/package.json` resolve; koffi only when it is "mapped".
   */
  folder(kind: ProjectKind): Promise<ProjectFolder>;
}

const CACHE = new URL(".cache/node/", ROOT).pathname;
const PACKAGES = ["tests/support/npm/package.json", "tests/support/npm/package-lock.json"];
/** Builds of other states of the checkout are kept for so long: a test may be using them. */
const KEEP_MS = 24 * 3600_000;

let project: Promise<NodeProject> | undefined;

/** Installs and builds what is not there yet; other processes that want the same wait for it. */
export function nodeProject(): Promise<NodeProject> {
  return project ??= makeProject();
}

async function makeProject(): Promise<NodeProject> {
  const root = `${CACHE}${await hashOf(PACKAGES)}`;
  const build = `${root}/builds/${await hashOf(NPM_PACKAGE_SOURCES)}`;
  await makeOnce(root, installPackages);
  await makeOnce(build, makeBuild);
  await removeOldBuilds(build);
  return {
    root,
    packagePath: `${build}/plain/node_modules/@gpe/cli`,
    node(version) {
      const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
      return `${root}/node_modules/node-${version}-${Deno.build.os}-${arch}/bin/node`;
    },
    async folder(kind) {
      const path = await Deno.makeTempDir({ dir: `${build}/${kind}` });
      return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
    },
  };
}

async function installPackages(target: string): Promise<void> {
  await Deno.mkdir(`${target}/builds`, { recursive: true });
  for (const path of PACKAGES) {
    await Deno.copyFile(new URL(path, ROOT), `${target}/${path.slice(path.lastIndexOf("/"))}`);
  }
  // Without their scripts: those of koffi and of others would build or fetch something.
  await runNpm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], target);
  await Deno.mkdir(`${target}/apart/node_modules`, { recursive: true });
  for (const name of ["koffi", "@koromix"]) {
    await Deno.rename(`${target}/node_modules/${name}`, `${target}/apart/node_modules/${name}`);
  }
}

async function makeBuild(target: string): Promise<void> {
  for (const kind of ["plain", "mapped"]) {
    await Deno.mkdir(`${target}/${kind}/node_modules/@gpe`, { recursive: true });
  }
  const [plain, mapped] = [`${target}/plain/node_modules`, `${target}/mapped/node_modules`];
  await makeNpmPackage(`${plain}/@gpe/cli`);
  // A copy: Node looks for koffi from where a module really lies.
  await copyDirectory(`${plain}/@gpe/cli`, `${mapped}/@gpe/cli`);
  await Deno.symlink("../../../../apart/node_modules/koffi", `${mapped}/koffi`);
}

async function removeOldBuilds(current: string): Promise<void> {
  const builds = current.slice(0, current.lastIndexOf("/"));
  for (const { name } of Deno.readDirSync(builds).toArray()) {
    if (`${builds}/${name}`.startsWith(current)) continue;
    const { mtime } = await Deno.stat(`${builds}/${name}`);
    const old = Date.now() - (mtime?.getTime() ?? 0) > KEEP_MS;
    if (old) await Deno.remove(`${builds}/${name}`, { recursive: true });
  }
}

/** Copies a directory with everything in it. */
export async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const copy = isDirectory ? copyDirectory : Deno.copyFile;
    await copy(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Runs npm. @throws {Error} with what it said when it failed */
export async function runNpm(args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: [...args],
    cwd,
    env: cleanEnv({ npm_config_update_notifier: "false" }),
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(`npm ${args.join(" ")} failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
}

/** Names the content of files and directories of the checkout. */
async function hashOf(paths: readonly string[]): Promise<string> {
  const parts: string[] = [Deno.version.deno];
  for (const path of paths) {
    for await (const file of filesBelow(path)) {
      parts.push(file, await Deno.readTextFile(new URL(file, ROOT)));
    }
  }
  const bytes = new TextEncoder().encode(parts.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex().slice(0, 16);
}
