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

/** Removes the socket, where there is one. Permission: write for the path. */
export function removeSocket(path: string): void {
  rmSync(stagingPath(path), { force: true });
  rmSync(path, { force: true });
}
