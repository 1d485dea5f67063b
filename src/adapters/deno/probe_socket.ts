/**
 * Whether the application can listen on a Unix socket, looked up before anything is started.
 *
 * @module
 */
import { removeSocket, stageSocket, stagingPath } from "../http/unix_socket.ts";

/** Size of `sun_path`, unix(7), with the zero byte at its end. */
const LONGEST_PATH = 108;

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
