/** Programs of the tests as npm users write them, on real Node. */
import { nodeProject, type NodeVersion, type ProjectKind } from "./node_project.ts";
import { spawn, type Spawned, type SpawnOptions } from "./spawn.ts";

/** A program in a directory in which the npm package and those beside it resolve. */
export interface NodeProgram extends AsyncDisposable {
  /** Starts it. */
  start(version: NodeVersion, args?: readonly string[], options?: SpawnOptions): Spawned;
}

/**
 * Puts a program where it finds the package.
 *
 * @param source The program, JavaScript.
 * @param kind Whether it finds koffi too.
 */
export async function nodeProgram(source: URL, kind: ProjectKind): Promise<NodeProgram> {
  const project = await nodeProject();
  const folder = await project.folder(kind);
  const path = `${folder.path}/program.mjs`;
  await Deno.copyFile(source, path);
  return {
    start: (version, args = [], options = {}) =>
      spawn(project.node(version), [path, ...args], { cwd: folder.path, ...options }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
