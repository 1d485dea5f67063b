/** What is made once for all tests, also by several processes that want it at the same time. */

/**
 * Makes a directory unless it is there. The lock is the system's and goes with the process, so that
 * nobody waits for one that was ended; what that one left is made anew.
 *
 * @param make Makes it under another path in the same directory.
 */
export async function makeOnce(
  path: string,
  make: (path: string) => Promise<void>,
): Promise<void> {
  if (await exists(path)) return;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  using lock = await Deno.open(`${path}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await exists(path)) return;
  const unfinished = `${path}.unfinished`;
  if (await exists(unfinished)) await Deno.remove(unfinished, { recursive: true });
  await make(unfinished);
  await Deno.rename(unfinished, path);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
