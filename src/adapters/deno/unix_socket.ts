/**
 * The application on a Unix socket.
 *
 * The kernel does not share such a socket among processes as it does a port, so there is one
 * worker. A socket that is bound beside it and then renamed takes its place at one stroke: a worker
 * that is replaced goes on with the connections it has, and no new one is refused in between.
 *
 * @module
 */
import { renameSync, rmSync } from "node:fs";

/** Size of `sun_path`, unix(7), with the zero byte at its end. */
const LONGEST_PATH = 108;

/** Where a worker binds before it takes the place. */
export function stagingPath(path: string): string {
  return `${path}.new`;
}

/**
 * The path to bind, free of what a killed worker may have left there.
 *
 * Permissions: read and write for {@linkcode stagingPath}.
 */
export function stageSocket(path: string): string {
  const staging = stagingPath(path);
  rmSync(staging, { force: true });
  return staging;
}

/** Gives the bound socket its name. Permissions: read and write for both paths. */
export function publishSocket(path: string): void {
  renameSync(stagingPath(path), path);
}

/**
 * Makes sure that the application can listen there: a socket that a dead run left is removed.
 * Permissions: read and write for the path and its folder.
 *
 * @throws {Error} when it cannot, or something is there already
 */
export async function probeSocket(path: string): Promise<void> {
  if (new TextEncoder().encode(`${stagingPath(path)}\0`).length > LONGEST_PATH) {
    throw refused(path, `the path is too long, expected at most ${LONGEST_PATH - 5} bytes`);
  }
  if (await isOccupied(path)) {
    throw refused(path, "the socket is in use, expected a free one");
  }
  try {
    Deno.listen({ transport: "unix", path: stageSocket(path) }).close();
    removeSocket(path);
  } catch (error) {
    throw refused(path, error instanceof Error ? error.message : String(error), error);
  }
}

/** Removes the socket, where there is one. Permission: write for the path. */
export function removeSocket(path: string): void {
  rmSync(stagingPath(path), { force: true });
  rmSync(path, { force: true });
}

async function isOccupied(path: string): Promise<boolean> {
  try {
    const info = await Deno.lstat(path);
    if (!info.isSocket) throw refused(path, "there is a file, expected a socket or nothing");
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function refused(path: string, state: string, cause?: unknown): Error {
  return new Error(
    `Cannot listen on ${JSON.stringify(`unix:${path}`)} for the application: ${state}`,
    cause === undefined ? {} : { cause },
  );
}
