/**
 * The file that names the master's process id, for tools that send it signals.
 *
 * @module
 */
import { readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { Log } from "../../core/log.ts";

/**
 * Writes the file: whole or not at all. A file that a dead process left is replaced; it is removed
 * at the end, unless it names another process by then.
 *
 * Permissions: read and write for the path, run for signal 0; with `--allow-all` a pid that another
 * program has got meanwhile is told from a running master.
 *
 * @throws {Error} when it names a master that runs, holds something else, or cannot be written
 */
export function writePidFile(path: string, log: Log): Disposable {
  const quoted = JSON.stringify(path);
  const owner = readPid(path);
  if (owner === "other") {
    throw new Error(
      `Cannot write the pid file ${quoted}: it holds no pid, expected none or its own`,
    );
  }
  if (owner !== undefined && owner !== Deno.pid && isMaster(owner)) {
    throw new Error(
      `Cannot write the pid file ${quoted}: process ${owner} is running, ` +
        "expected a file of its own for each master",
    );
  }
  const temporary = `${path}.${Deno.pid}`;
  try {
    writeFileSync(temporary, `${Deno.pid}\n`, { mode: 0o644 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const state = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write the pid file ${quoted}: ${state}`, { cause: error });
  }
  return {
    [Symbol.dispose]() {
      try {
        if (readPid(path) === Deno.pid) rmSync(path);
      } catch (error) {
        log.warn("Cannot remove the pid file", { error });
      }
    },
  };
}

/** The pid in the file; `undefined` when there is none, `"other"` when it holds something else. */
function readPid(path: string): number | "other" | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    const state = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot read the pid file ${JSON.stringify(path)}: ${state}`, { cause: error });
  }
  if (text === "") return undefined;
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : "other";
}

/** Whether the process runs, and is no other program that has got the pid of a dead master. */
function isMaster(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ESRCH") return false;
    // Of another user, or signals are not permitted: it may be one.
  }
  try {
    const program = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
    return fileName(program) === fileName(Deno.execPath());
  } catch {
    return true; // Not told: no such system, or no permission.
  }
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
