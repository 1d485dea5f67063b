/**
 * A scrape of a cluster of Node: ours reads what the workers have written, prom-client's
 * `AggregatorRegistry` asks each of them. Measured is the time of a page in the primary, and the
 * processor time that one worker spends on it.
 */
import { type NodeProject, nodeProject } from "../tests/support/node_project.ts";
import { tempDir } from "../tests/support/temp_dir.ts";
import { type Measured, measureWith, type PreparedContest } from "./support/contest.ts";

const WORKERS = 8;
const COUNTERS = 5000;
const ROUNDS = 5;
const NODE = 24;

const PROGRAMS = ["cluster_gpe.mjs", "cluster_promclient.cjs", "cluster_workers.cjs"];

/** Puts the programs where Node finds the packages; the pages of both sides must say the same. */
export async function prepare(): Promise<PreparedContest> {
  const project = await nodeProject();
  const folder = await project.folder("mapped");
  for (const name of PROGRAMS) {
    await Deno.copyFile(new URL(`peers/${name}`, import.meta.url), `${folder.path}/${name}`);
  }
  const ours = () => measureInDirectory(project, `${folder.path}/cluster_gpe.mjs`);
  const theirs = () => measureInDirectory(project, `${folder.path}/cluster_promclient.cjs`);
  if ((await ours()).total !== (await theirs()).total) {
    throw new Error("Cannot compare: the two pages differ, expected equal totals");
  }
  return {
    contest: {
      title: `Scrape of a Node cluster, ${WORKERS} workers x ${COUNTERS} counters with two labels`,
      unit: "ms",
      rounds: ROUNDS,
      contestants: [{ name: "gpe", run: ours }, { name: "AggregatorRegistry", run: theirs }],
      figures: [
        {
          what: "page",
          ours: ["gpe", "scrape"],
          other: ["AggregatorRegistry", "scrape"],
          bar: { faster: 25 },
        },
        {
          what: "page with all values changed, those of a ninth process too",
          ours: ["gpe", "changing"],
          other: ["AggregatorRegistry", "scrape"],
        },
        {
          what: "processor time of a worker for a page",
          ours: ["gpe", "worker"],
          other: ["AggregatorRegistry", "worker"],
          bar: { most: 0 },
        },
      ],
      note:
        `Node ${NODE}. The workers are idle, as prom-client's own measurement has them; ours are stopped ` +
        "(SIGSTOP). Families whose values stand still are not printed anew: the second line has none.",
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Each run has a directory of its own: workers of former ones would be read as well. */
async function measureInDirectory(project: NodeProject, program: string): Promise<Measured> {
  await using directory = await tempDir();
  return await measureWith(
    "env",
    [
      `PROMETHEUS_MULTIPROC_DIR=${directory.path}/metrics`,
      project.node(NODE),
      program,
      `${WORKERS}`,
      `${COUNTERS}`,
    ],
  );
}
