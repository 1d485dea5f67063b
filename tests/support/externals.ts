/** Tests that need a program beside Deno: run where it is there, skipped by name where it is not. */
import { findProgram, installCommand, PROGRAM_NAMES, type ProgramName } from "./programs.ts";

/** The path of each external program; undefined when it is missing. */
export const externals: Readonly<Record<ProgramName, string | undefined>> = Object.fromEntries(
  PROGRAM_NAMES.map((name) => [name, findProgram(name)]),
) as Record<ProgramName, string | undefined>;

/**
 * Registers a test that runs external programs. Where one is missing the test is ignored, with the
 * program in its name; with `CI=true` it fails instead, so that a machine set up wrongly is noticed.
 *
 * @param fn Gets the paths of the programs by name.
 */
export function externalTest<const P extends ProgramName>(
  name: string,
  programs: readonly P[],
  fn: (paths: Readonly<Record<P, string>>, t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = programs.filter((program) => externals[program] === undefined);
  if (missing.length === 0) {
    Deno.test(name, (t) => fn(externals as Readonly<Record<P, string>>, t));
    return;
  }
  const ignore = Deno.env.get("CI") !== "true";
  Deno.test({
    name: `${name} [missing: ${missing.join(", ")}]`,
    ignore,
    fn: () => refuse(missing),
  });
}

function refuse(missing: readonly ProgramName[]): never {
  throw new Error(
    `Cannot run the test: missing program ${missing.map((name) => `"${name}"`).join(", ")}, ` +
      `install with: ${installCommand(missing).join(" ")}`,
  );
}
