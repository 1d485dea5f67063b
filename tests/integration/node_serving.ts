/** A running cluster on Node, or on Deno, with addresses of its own. */
import { freePort } from "../support/free_port.ts";
import { nodeProject, type NodeVersion, type ProjectKind } from "../support/node_project.ts";
import { spawn, type Spawned } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { checkoutPath, scrapePage, type Serving } from "./serving.ts";

/** On what a cluster runs: a version of Node, with or without koffi, or Deno. */
export type ClusterRuntime = readonly [version: NodeVersion, kind: ProjectKind] | "deno";

/** How a cluster is started. */
export interface ClusterOptions {
  /** Number of workers; default 2. */
  readonly workers?: number;
  /** Further options of the primary. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Flags of the runtime. */
  readonly flags?: readonly string[];
  /** Variables for the primary. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program, in `tests/fixtures/node`; default `service.mjs`. */
  readonly program?: string;
  /** The directory of the metric files; default: one that goes away. */
  readonly directory?: string;
}

/** What a runtime is called in the name of a test. */
export function nameOf(runtime: ClusterRuntime): string {
  if (runtime === "deno") return "Deno";
  const [version, kind] = runtime;
  return `Node ${version} ${kind === "mapped" ? "with koffi" : "without koffi"}`;
}

/** A program of `tests/fixtures/node`, started on a runtime; `await using` ends it. */
export async function startProgram(
  runtime: ClusterRuntime,
  program: string,
  options: Pick<ClusterOptions, "flags" | "env"> = {},
): Promise<Spawned> {
  const { flags = [], env = {} } = options;
  const path = checkoutPath(`tests/fixtures/node/${program}`);
  if (runtime === "deno") return spawn(Deno.execPath(), ["run", "-A", ...flags, path], { env });
  const [version, kind] = runtime;
  const project = await nodeProject();
  const folder = await project.folder(kind);
  await Deno.copyFile(path, `${folder.path}/${program}`);
  const spawned = spawn(project.node(version), [...flags, program], { cwd: folder.path, env });
  return Object.create(spawned, {
    [Symbol.asyncDispose]: {
      async value() {
        await spawned.stop();
        await folder[Symbol.asyncDispose]();
      },
    },
  });
}

/** Starts a cluster and waits until all workers are running. */
export async function startCluster(
  runtime: ClusterRuntime,
  options: ClusterOptions = {},
): Promise<Serving> {
  const { workers = 2, program = "service.mjs", flags = [] } = options;
  const temporary = await tempDir();
  const directory = options.directory ?? `${temporary.path}/metrics`;
  const port = freePort();
  const primary = {
    workers,
    directory,
    metricsHostname: "127.0.0.1",
    metricsPort: 0,
    ...options.options,
  };
  const env = { PORT: `${port}`, PRIMARY_OPTIONS: JSON.stringify(primary), ...options.env };
  const spawned = await startProgram(runtime, program, { flags, env });
  const end = async (): Promise<void> => {
    await spawned[Symbol.asyncDispose]();
    await temporary[Symbol.asyncDispose]();
  };
  try {
    const [, metrics] = await spawned.waitForOutput(/Serving metrics url=(\S+)/);
    for (let slot = 1; slot <= workers; slot++) {
      await spawned.waitForOutput(new RegExp(`worker_${slot} is running`));
    }
    return {
      gpe: spawned,
      app: `http://127.0.0.1:${port}`,
      metrics: metrics!,
      directory,
      scrape: () => scrapePage(metrics!),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
