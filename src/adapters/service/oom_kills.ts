/**
 * Whether the kernel ended a process because memory ran out.
 *
 * @module
 */
import { readFileSync } from "node:fs";

/** Attributes kills of the kernel to processes that ended with SIGKILL. */
export interface OomKills {
  /** Whether there was a kill since the last call that gave true, or since the beginning. */
  claim(): boolean;
}

/** Reads a file; throws where that is not possible. */
type ReadText = (path: string) => string;

const OOM_KILL = /^oom_kill (\d+)$/m;

/**
 * Counts from now on the kills in this process's control group, which its children share; on a
 * system without, those of the whole machine.
 *
 * Permission: all, for `/proc` and `/sys`; without it nothing is ever claimed.
 *
 * @param readText Reads a file. @default {`readFileSync` of node:fs}
 */
export function watchOomKills(
  readText: ReadText = (path) => readFileSync(path, "utf8"),
): OomKills {
  const path = counterPaths(readText).find((path) => readCount(path, readText) !== undefined);
  if (path === undefined) return { claim: () => false };
  let claimed = readCount(path, readText) ?? 0;
  return {
    claim() {
      const count = readCount(path, readText);
      if (count === undefined || count <= claimed) return false;
      claimed++;
      return true;
    },
  };
}

/**
 * Where the counter may be: in version 2 of control groups, in version 1, in either as seen from
 * inside of a container, and for the machine.
 */
function counterPaths(readText: ReadText): string[] {
  const paths: string[] = [];
  // hierarchy:controllers:path
  for (const line of optional("/proc/self/cgroup", readText)?.split("\n") ?? []) {
    const [, controllers, group = ""] = line.split(":", 3);
    if (controllers === "") paths.push(`/sys/fs/cgroup${group}/memory.events`);
    if (controllers === "memory") paths.push(`/sys/fs/cgroup/memory${group}/memory.oom_control`);
  }
  return [
    ...paths,
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/proc/vmstat",
  ];
}

function readCount(path: string, readText: ReadText): number | undefined {
  const count = OOM_KILL.exec(optional(path, readText) ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}

function optional(path: string, readText: ReadText): string | undefined {
  try {
    return readText(path);
  } catch {
    return undefined; // not on this system, or not permitted
  }
}
