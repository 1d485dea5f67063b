/**
 * `deno task check`: formatting, lint, types, documentation, what would be published, the lock
 * file, and the rules of the house. Runs everything, names what failed, exits 1 if anything did.
 */
import { checkHouseRules } from "./house_rules.ts";
import { stagePackage } from "./stage_package.ts";

const ROOT = new URL("../", import.meta.url);

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  Deno.chdir(ROOT);
  const files = await repositoryFiles();
  const modules = files.filter((path) => path.endsWith(".ts"));
  const exported = Object.values<string>(
    JSON.parse(await Deno.readTextFile("deno.json")).exports,
  );
  await using staged = await stagePackage(files);
  const steps: [name: string, args: string[], cwd?: string][] = [
    ["formatting", ["fmt", "--check"]],
    ["lint", ["lint"]],
    ["types", ["check", ...modules]],
    ["documentation", ["doc", "--lint", ...exported]],
    ["lock file", ["install", "--frozen", "--entrypoint", ...modules]],
    ["package", ["publish", "--dry-run", "--allow-dirty"], staged.path],
  ];
  const failed: string[] = [];
  for (const [name, args, cwd = "."] of steps) {
    const command = new Deno.Command(Deno.execPath(), { args, cwd });
    const { success, stdout, stderr } = await command.output();
    console.log(`${success ? "ok    " : "FAILED"} ${name}`);
    if (success) continue;
    failed.push(name);
    await Deno.stderr.write(stdout);
    await Deno.stderr.write(stderr);
  }
  const problems: string[] = [];
  for (const path of files) {
    problems.push(...checkHouseRules(path, await Deno.readTextFile(path)));
  }
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} house rules`);
  problems.forEach((problem) => console.error(problem));
  return failed.length + problems.length === 0 ? 0 : 1;
}

/** The text files of the repository: those that git has, or would take. */
async function repositoryFiles(): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard"],
  }).output();
  if (!success) throw new Error("Cannot list the files: git failed, expected a checkout");
  const paths = new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "");
  const present = paths.map(async (path) => {
    const info = await Deno.stat(path).catch(() => undefined);
    return info?.isFile && !/\.(db|png|deb)$/.test(path) ? path : undefined;
  });
  return (await Promise.all(present)).filter((path) => path !== undefined);
}
