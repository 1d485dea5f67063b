/** The checkout as a package sees itself, for `deno publish --dry-run`. */

/** A staged package; disposing of it removes it. */
export interface StagedPackage extends AsyncDisposable {
  /** Where `deno publish` is to be run. */
  readonly path: string;
}

/**
 * Copies the files into a directory of its own, with the stand-ins for "@std" beside it. In the
 * checkout they lie inside the package, and `deno publish` refuses modules that a package uses,
 * contains and does not publish; the real ones lie outside of it, as here.
 *
 * @param files Paths in the repository; the working directory is the checkout.
 */
export async function stagePackage(files: readonly string[]): Promise<StagedPackage> {
  const base = await Deno.makeTempDir({ prefix: "gpe_package_" });
  for (const path of files) {
    const target = path.startsWith("tools/std/")
      ? `${base}/${path.slice("tools/".length)}`
      : `${base}/package/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(path, target);
  }
  const config = `${base}/package/deno.json`;
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, text.replaceAll('"./tools/std/', '"../std/'));
  return {
    path: `${base}/package`,
    [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }),
  };
}
