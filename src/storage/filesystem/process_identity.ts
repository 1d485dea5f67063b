/**
 * Who a process is, beyond its pid, which is reused: from Linux's `/proc`, where it can be read.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";

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
}

/**
 * The identity as `/proc` tells it. Deno needs `--allow-all` to read there; without it everything
 * but the pid is unknown.
 */
export function procIdentity(pid: number): ProcessIdentity {
  return {
    pid,
    bootId: optional(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: optional(() => statSync("/proc/self/ns/pid").ino),
    startTicks(pid) {
      try {
        return parseStartTicks(readFileSync(`/proc/${pid}/stat`, "utf8"));
      } catch (error) {
        return (error as { code?: unknown }).code === "ENOENT" ? "gone" : undefined;
      }
    },
  };
}

/** The identity where nothing but the pid may be known. */
export function pidIdentity(pid: number): ProcessIdentity {
  return { pid, bootId: undefined, pidNamespace: undefined, startTicks: () => undefined };
}

/** Field 22 of `proc_pid_stat(5)`, or that the process has ended (states Z and X). */
function parseStartTicks(stat: string): number | "gone" | undefined {
  // The second field is the program's name in parentheses and may itself contain any of these.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return "gone";
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
