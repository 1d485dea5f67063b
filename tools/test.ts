/**
 * `deno task test [PATH…] [FLAG…]`: sets up what the tests need, runs them, and ends with a line
 * of its own, `N passed, N failed, N skipped`, counted from the reports. Paths choose test modules
 * or directories; flags (`--filter=…`) go to `deno test`. `--faults` runs the long fault tests.
 */
import { setUp } from "./setup.ts";
import { countRun, type Counts, silentModules, sumCounts, summaryLine } from "./test_report.ts";

const ROOT = new URL("../", import.meta.url);

/** A run that takes longer hangs: it is ended, so that the last line is printed all the same. */
const DEADLINE_MS = { short: 15 * 60_000, full: 80 * 60_000 };

/** How many test modules run at once: they wait for other programs much of the time. */
const JOBS = `${navigator.hardwareConcurrency + 1}`;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  Deno.chdir(ROOT);
  const faults = args.includes("--faults");
  const flags = args.filter((arg) => arg.startsWith("-") && arg !== "--faults");
  const paths = args.filter((arg) => !arg.startsWith("-"));
  await setUp();

  const counts: Counts[] = [];
  if (faults) {
    // One after the other: they load the machine and watch how long things take.
    counts.push(await runTests([...flags], paths.length > 0 ? paths : ["tests/faults"], "full"));
  } else {
    counts.push(await runTests(["--parallel", ...flags], paths.length > 0 ? paths : ["tests"]));
    // A run of chosen tests is about these alone; the documentation's examples belong to all.
    // Unchecked: an example is given every name of its module, and those it does not use are errors.
    if (args.length === 0) {
      counts.push(await denoTest(["--doc", "--no-check"], ["mod.ts", "src"], []));
    }
  }
  const total = sumCounts(counts);
  console.log(summaryLine(total));
  return total.failed === 0 ? 0 : 1;
}

async function runTests(
  flags: readonly string[],
  paths: readonly string[],
  faults: "short" | "full" = "short",
): Promise<Counts> {
  const modules = await findModules(paths);
  // With a filter, a module may rightly have nothing to run.
  const filtered = flags.some((flag) => flag.startsWith("--filter"));
  const expected = filtered ? [] : await registering(modules);
  if (modules.length === 0) {
    console.error(`Cannot run tests: no test modules in ${JSON.stringify(paths)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // Types are for `deno task check`, which looks at every module.
  return await denoTest(["--sanitize-ops", "--no-check", ...flags], modules, expected, faults);
}

async function denoTest(
  flags: readonly string[],
  paths: readonly string[],
  modules: readonly string[],
  faults: "short" | "full" = "short",
): Promise<Counts> {
  const report = await Deno.makeTempFile({ prefix: "gpe_junit_", suffix: ".xml" });
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "-A",
        "--unstable-net",
        `--junit-path=${report}`,
        ...flags,
        ...paths,
      ],
      env: { GPE_FAULTS: faults, DENO_JOBS: Deno.env.get("DENO_JOBS") ?? JOBS },
      stdin: "null",
    }).spawn();
    const deadline = setTimeout(() => {
      console.error(`Ended the tests: they ran for ${DEADLINE_MS[faults] / 60_000} minutes`);
      child.kill("SIGKILL");
    }, DEADLINE_MS[faults]);
    const { success } = await child.status;
    clearTimeout(deadline);
    const run = { report: await Deno.readTextFile(report), success, modules };
    silentModules(run).forEach((path) => console.error(`No test of this module ran: ${path}`));
    return countRun(run);
  } finally {
    await Deno.remove(report);
  }
}

/** The modules that register tests themselves: the report names tests by where that is done. */
async function registering(modules: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(modules.map((path) => Deno.readTextFile(path)));
  return modules.filter((_, index) => texts[index]!.includes("Deno.test("));
}

async function findModules(paths: readonly string[]): Promise<string[]> {
  const modules: string[] = [];
  for (const path of paths.map((path) => path.replace(/^\.\/|\/$/g, ""))) {
    let info: Deno.FileInfo;
    try {
      info = await Deno.stat(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    if (info.isFile) modules.push(path);
    if (!info.isDirectory) continue;
    for await (const entry of Deno.readDir(path)) {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory) modules.push(...await findModules([child]));
      else if (entry.name.endsWith("_test.ts")) modules.push(child);
    }
  }
  return modules.sort();
}
