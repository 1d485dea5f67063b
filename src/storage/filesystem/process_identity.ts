/**
 * Who a process is, beyond its pid, which is reused: from Linux's `/proc`, where it can be read.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import type { OpenFile } from "./claim_file.ts";
import { errorCode } from "./file_errors.ts";

/** What is known of this process, and how to look at others. */
export interface ProcessIdentity {
  /** This process. */
  readonly pid: number;
  /** Changes with every start of the machine; `undefined` when it cannot be read. */
  readonly bootId: string | undefined;
  /** Inode of the pid namespace; pids of another one mean nothing here. */
  readonly pidNamespace: number | undefined;
  /**
   * When a process started, in clock ticks since boot.
   *
   * @returns `"gone"` when there is no such process or it is a zombie; `undefined` when it cannot
   * be known.
   */
  startTicks(pid: number): number | "gone" | undefined;
  /**
   * Whether a process has a file open under a descriptor. Missing where that is never known.
   *
   * @returns `undefined` when it cannot be known.
   */
  hasOpen?(pid: number, file: OpenFile, inode?: number): boolean | undefined;
}

/**
 * The identity as `/proc` tells it. Deno needs `--allow-all` to read there; without it everything
 * but the pid is unknown, and so it is where `/proc` is that of another pid namespace, in which our
 * pid is somebody else.
 */
export function procIdentity(pid: number): ProcessIdentity {
  if (optional(() => readlinkSync("/proc/self")) !== String(pid)) return pidIdentity(pid);
  return {
    pid,
    bootId: optional(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: optional(() => statSync("/proc/self/ns/pid").ino),
    startTicks(pid) {
      try {
        return parseStartTicks(readFileSync(`/proc/${pid}/stat`, "utf8"));
      } catch (error) {
        return errorCode(error) === "ENOENT" ? "gone" : undefined;
      }
    },
    hasOpen(pid, { descriptor, name }, inode) {
      const link = `/proc/${pid}/fd/${descriptor}`;
      try {
        // The one or the other is not to be relied on for files of a network.
        return readlinkSync(link).includes(name) || statSync(link).ino === inode;
      } catch (error) {
        // While only threads are left, a process seems to have nothing open.
        const isGone = errorCode(error) === "ENOENT" && hasFiles(pid);
        return isGone ? false : undefined;
      }
    },
  };
}

/** The identity where nothing but the pid may be known. */
export function pidIdentity(pid: number): ProcessIdentity {
  return { pid, bootId: undefined, pidNamespace: undefined, startTicks: () => undefined };
}

function hasFiles(pid: number): boolean {
  return optional(() => readdirSync(`/proc/${pid}/fd`).length > 0) ?? false;
}

/**
 * Field 22 of `proc_pid_stat(5)`, or that the process has ended (states Z and X). One whose main
 * thread has ended lives as long as there is another (field 20), which may still be writing.
 */
function parseStartTicks(stat: string): number | "gone" | undefined {
  // The second field is the program's name in parentheses and may itself contain any of these.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if ((fields[0] === "Z" && Number(fields[17]) <= 1) || fields[0] === "X") return "gone";
  const ticks = Number(fields[19]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}

/** What `/proc` refuses to tell (no such system, no permission) is unknown, which is no error. */
function optional<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
