/**
 * The runtime flags of a worker process.
 *
 * @module
 */
import type { BindAddress } from "../../config/config.ts";
import { formatAddress } from "../../config/parsers.ts";
import { stagingPath } from "../http/unix_socket.ts";

const PERMISSION = /^(--allow-|--deny-|--ignore-|--permission-set|-[A-Z])/;
const EVERYTHING = /^(--allow-all|--permission-set|-[A-Z]*[AP])/;

/** What a worker needs to work at all. */
export interface WorkerNeeds {
  /** Paths it reads: the application's folder and the directory of the metric files. */
  readonly read: readonly string[];
  /** Paths it writes: the directory of the metric files. */
  readonly write: readonly string[];
  /** Servers it connects to, `HOST:PORT`; `"all"` when they are not known beforehand. */
  readonly net: readonly string[] | "all";
  /** Where it listens. */
  readonly bind: BindAddress;
}

/**
 * The flags for `deno run`. Without a permission among the user's flags a worker may do
 * everything, as `gpe serve` itself. With one, the user's permissions hold, and what a worker
 * needs is added to them; `--allow-ffi` is not: without it metrics are flushed ten times a second
 * instead of living in mapped memory. A permission set (`-P`) is taken as it is.
 */
export function workerFlags(userFlags: readonly string[], needs: WorkerNeeds): string[] {
  const flags = ["--unstable-net", "--no-prompt", ...userFlags];
  if (!userFlags.some((flag) => PERMISSION.test(flag))) return [...flags, "--allow-all"];
  if (userFlags.some((flag) => EVERYTHING.test(flag))) return flags;
  const { bind, read, write, net } = needs;
  const sockets = "path" in bind ? [bind.path, stagingPath(bind.path)] : [];
  add(flags, "read", "R", [...read, ...sockets]);
  add(flags, "write", "W", [...write, ...sockets]);
  if (net === "all") return [...flags.filter((flag) => !isListOf(flag, "net", "N")), "--allow-net"];
  const hosts = [...net, ..."path" in bind ? [] : [formatAddress(bind)]];
  add(flags, "net", "N", hosts);
  return flags;
}

function isListOf(flag: string, name: string, letter: string): boolean {
  return flag.startsWith(`--allow-${name}=`) || flag.startsWith(`-${letter}=`);
}

/** Deno adds up lists of one permission, but a list beside the bare flag would narrow that. */
function add(flags: string[], name: string, letter: string, values: readonly string[]): void {
  if (values.length === 0) return;
  const bare = new RegExp(`^(--allow-${name}|-[A-Z]*${letter}[A-Z]*)$`);
  if (flags.some((flag) => bare.test(flag))) return;
  // A comma separates values; written twice it stands for itself.
  flags.push(`--allow-${name}=${values.map((value) => value.replaceAll(",", ",,")).join(",")}`);
}
