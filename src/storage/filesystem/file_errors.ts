/**
 * Errors of `node:fs`, which are the same on every runtime.
 *
 * @module
 */
import { unlinkSync } from "node:fs";

/** The system's name of an error, such as `"ENOENT"`; `undefined` when it is not one of a system call. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** The first line of what an error says, with the system's name of it. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.split("\n", 1)[0] as string;
  const code = errorCode(error);
  return code === undefined || line.startsWith(code) ? line : `${code}: ${line}`;
}

/** Whether the disk is full or read-only: the application goes on without it. */
export function isOutOfSpace(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOSPC" || code === "EDQUOT" || code === "EROFS";
}

/**
 * Whether an error says nothing about the file it occurred with: too many open files, out of memory,
 * a disk that did not answer.
 */
export function isPassing(error: unknown): boolean {
  return ["EMFILE", "ENFILE", "ENOMEM", "EIO", "EINTR", "EAGAIN"].includes(errorCode(error) ?? "");
}

/** Removes a temporary file, where it can. What stays is removed by the next master that starts. */
export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or the directory became read-only: nobody reads temporary files.
  }
}
