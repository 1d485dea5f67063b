/** Getting the external programs that the tests use. */
import {
  findProgram,
  installCommand,
  PROGRAM_NAMES,
  type ProgramName,
} from "../tests/support/programs.ts";

/**
 * Looks for the external programs and installs missing ones with apt-get when that is possible
 * without asking anybody: as root on Debian or Ubuntu. Otherwise says which command does it.
 */
export async function setUp(): Promise<void> {
  let missing = missingPrograms();
  if (missing.length === 0) return;
  const command = installCommand(missing);
  if (Deno.uid() === 0 && findProgram("apt-get") !== undefined) {
    console.error(`Installing what the tests use: ${command.join(" ")}`);
    if (await run(["apt-get", "update"])) await run(command);
    missing = missingPrograms();
    if (missing.length === 0) return;
    console.error(`Still missing: ${missing.join(", ")}`);
  } else {
    console.error(`Missing: ${missing.join(", ")}. Install with: sudo ${command.join(" ")}`);
  }
  const consequence = Deno.env.get("CI") === "true" ? "fail" : "are skipped, by name";
  console.error(`The tests that need them ${consequence}; all others run.`);
}

function missingPrograms(): ProgramName[] {
  return PROGRAM_NAMES.filter((name) => findProgram(name) === undefined);
}

async function run([program, ...args]: readonly string[]): Promise<boolean> {
  const { success } = await new Deno.Command(program!, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    // stdout is for the results of the tests alone.
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  return success;
}
