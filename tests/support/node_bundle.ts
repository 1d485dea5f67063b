/** Programs of the tests that use the sources of the checkout, as one module that Node can run. */
import { nodeProject } from "./node_project.ts";
import { ROOT } from "./spawn.ts";

/**
 * Bundles a program.
 *
 * @param entry The program, TypeScript.
 * @param path Where the module is put.
 */
export async function bundleForNode(entry: URL, path: string): Promise<void> {
  const { root } = await nodeProject();
  const directory = await Deno.makeTempDir({ prefix: "gpe_bundle_" });
  try {
    const bundled = `${directory}/bundle.js`;
    await run(["bundle", "--quiet", "--output", bundled, entry.pathname]);
    // Node 20 has no `using` declarations.
    const tsc = `${root}/node_modules/typescript/bin/tsc`;
    const options = ["--allowJs", "--noCheck", "--target", "es2022", "--module", "esnext"];
    await run(["run", "-A", tsc, ...options, "--outDir", `${directory}/out`, bundled]);
    await Deno.copyFile(`${directory}/out/bundle.js`, path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(args: readonly string[]): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, stdin: "null" });
  const { success, stdout, stderr } = await child.output();
  if (success) return;
  const text = new TextDecoder();
  throw new Error(`deno ${args[0]} failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
}
