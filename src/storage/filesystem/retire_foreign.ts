/**
 * Files of Python's client: they have no incarnation, and a process with the same pid opens them
 * again by name. So a file is first moved to a name that nobody opens, and looked at once more there.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "./file_errors.ts";
import type { FileOperations } from "./file_operations.ts";
import type { FilePrimitives } from "./primitives.ts";

/** A file that was set aside: the id of its writer has a random part. */
const SET_ASIDE = /~[0-9a-f]{8}\.db$/;

/** Whether a file was set aside. */
function isSetAside(name: string): boolean {
  return SET_ASIDE.test(name);
}

/**
 * Whether it is known that no process can write to a file any more, unless one opens it by name.
 * What cannot be known is not so.
 */
export function isAbandoned(path: string, { hasWriters }: FilePrimitives): boolean {
  try {
    return hasWriters !== undefined && lstatSync(path).isFile() && !hasWriters(path);
  } catch {
    return false; // gone, or not ours to look at
  }
}

/**
 * Moves a file to a name of its own, for good.
 *
 * @returns The name; `undefined` when somebody opened the file before it was moved.
 * @throws {Error} As of `node:fs`.
 */
export function setAside(
  directory: string,
  name: string,
  primitives: FilePrimitives,
  operations: FileOperations,
): string | undefined {
  if (isSetAside(name)) return name;
  const aside = name.replace(/\.db$/, `~${crypto.randomUUID().slice(0, 8)}.db`);
  operations.rename(join(directory, name), join(directory, aside));
  if (isAbandoned(join(directory, aside), primitives)) return aside;
  try {
    operations.link(join(directory, aside), join(directory, name));
    operations.unlink(join(directory, aside));
  } catch (error) {
    // Its name was taken meanwhile: the file is read and judged under its new one.
    if (errorCode(error) !== "EEXIST") throw error;
  }
  return undefined;
}
