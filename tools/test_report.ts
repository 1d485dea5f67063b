/** Counting what a test run really did, from the JUnit reports that `deno test` writes. */

/** Numbers of test cases, steps included. */
export interface Counts {
  /** Ran to the end without an error. */
  readonly passed: number;
  /** Failed, were cut off, or belong to a module that could not be run. */
  readonly failed: number;
  /** Were not run, on purpose. */
  readonly skipped: number;
}

/** One `deno test` run. */
export interface Run {
  /** The JUnit report; undefined when none was written. */
  readonly report: string | undefined;
  /** Whether `deno test` ended with status 0. */
  readonly success: boolean;
  /** The test modules that must appear in the report: those that register tests themselves. */
  readonly modules: readonly string[];
}

/**
 * Counts one run. A module that is not in the report (it does not compile, throws while it loads,
 * or holds no test) is a failure of its own, and so is a status that no failed test explains.
 */
export function countRun(run: Run): Counts {
  const { cases } = parseReport(run.report ?? "");
  const silent = silentModules(run).length;
  const passed = cases.filter((outcome) => outcome === "passed").length;
  const skipped = cases.filter((outcome) => outcome === "skipped").length;
  const failed = cases.length - passed - skipped + silent;
  return { passed, skipped, failed: failed === 0 && !run.success ? 1 : failed };
}

/** The modules that should be in the report of a run and are not. */
export function silentModules({ report, modules }: Run): string[] {
  const { suites } = parseReport(report ?? "");
  return modules.filter((path) => !suites.has(path));
}

/** The sum of several runs; a run of nothing at all is a failure. */
export function sumCounts(all: readonly Counts[]): Counts {
  const sum = (name: keyof Counts): number => all.reduce((total, one) => total + one[name], 0);
  const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
  return { passed, skipped, failed: passed + failed === 0 ? 1 : failed };
}

/** The line a test run ends with. */
export function summaryLine(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

type Outcome = "passed" | "failed" | "skipped";

function parseReport(xml: string): { cases: Outcome[]; suites: Set<string> } {
  // Texts are escaped, so a tag in the report is always a real tag.
  const suites = [...xml.matchAll(/<testsuite name="([^"]*)"/g)].map((match) =>
    unescape(match[1]!).replace(/^\.\//, "")
  );
  const bodies = [...xml.matchAll(/<testcase [^>]*?(?:\/>|>(.*?)<\/testcase>)/gs)];
  return {
    suites: new Set(suites),
    cases: bodies.map(([, body = ""]) => {
      if (/<(failure|error)[ />]/.test(body)) return "failed";
      return /<skipped[ />]/.test(body) ? "skipped" : "passed";
    }),
  };
}

function unescape(text: string): string {
  const names: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(\w+);/g, (entity, name) => names[name] ?? entity);
}
