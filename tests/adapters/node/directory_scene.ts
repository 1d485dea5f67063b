/** A directory of metric files that processes on Node use. */
import { assertStrictEquals } from "@std/assert";
import { bundleForNode } from "../../support/node_bundle.ts";
import { nodeProject, type NodeVersion, type ProjectKind } from "../../support/node_project.ts";
import { spawn, type Spawned } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";

const PROGRAM = new URL("./programs/use_directory.ts", import.meta.url);

/** A directory, and Node to use it. */
export interface Scene extends AsyncDisposable {
  /** The directory of metric files. */
  readonly directory: string;
  /** Starts the program on Node, by default with the directory, and leaves it alone. */
  start(
    kind: ProjectKind,
    args: readonly string[],
    version?: NodeVersion,
    directory?: string,
  ): Spawned;
  /** Runs the program, and gives what it has printed. */
  run(args: readonly string[]): Promise<unknown>;
}

/**
 * Makes an empty directory, and puts the program `use_directory` where Node finds koffi and where not.
 *
 * @param kind Whether the program has koffi when it is run.
 */
export async function openScene(kind: ProjectKind, version: NodeVersion): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const project = await nodeProject();
  const temp = stack.use(await tempDir());
  const folders = new Map<ProjectKind, string>();
  for (const kind of ["mapped", "plain"] as const) {
    const { path } = stack.use(await project.folder(kind));
    await Deno.copyFile(await program(), `${path}/program.mjs`);
    folders.set(kind, path);
  }
  const start: Scene["start"] = (kind, args, on = version, directory = temp.path) =>
    spawn(project.node(on), [`${folders.get(kind)}/program.mjs`, directory, ...args]);
  const moved = stack.move();
  return {
    directory: temp.path,
    start,
    async run(args) {
      await using spawned = start(kind, args);
      await spawned.status;
      assertStrictEquals(spawned.stderr, "");
      return JSON.parse(spawned.stdout);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

let bundled: Promise<string> | undefined;

/** The program for Node, made once. */
function program(): Promise<string> {
  return bundled ??= (async () => {
    const path = await Deno.makeTempFile({ suffix: ".mjs" });
    await bundleForNode(PROGRAM, path);
    globalThis.addEventListener("unload", () => Deno.removeSync(path));
    return path;
  })();
}
