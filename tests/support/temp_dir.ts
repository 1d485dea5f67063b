/** Directories that go away with the test. */

/** A directory that `await using` removes. */
export interface TempDir extends AsyncDisposable {
  /** The absolute path. */
  readonly path: string;
}

/** Makes an empty directory. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir({ prefix: "gpe_test_" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
