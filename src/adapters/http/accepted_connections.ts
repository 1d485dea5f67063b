/**
 * The connections that this process has accepted, as Linux tells them: servers do not.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { errorCode } from "../../storage/filesystem/file_errors.ts";

/** Connections that were open at one moment. */
export interface AcceptedConnections {
  /** How many of them are open still. */
  left(): number;
}

/** State 1 of `proc_pid_net(5)`: a connection that both sides have open. */
const ESTABLISHED = "01";
const SOCKET = /^socket:\[(\d+)\]$/;

/**
 * The connections of now to a port of this process.
 *
 * Permission on Deno: all, for `/proc/net` and `/proc/self`.
 *
 * @returns `undefined` where they cannot be known: another system, or not permitted.
 */
export function acceptedConnections(port: number): AcceptedConnections | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const accepted = new Set([
      ...establishedInodes("/proc/net/tcp", port),
      ...establishedInodes("/proc/net/tcp6", port),
    ]);
    const open = new Map<string, string>();
    for (const name of readdirSync("/proc/self/fd")) {
      const inode = socketInode(name);
      if (inode !== undefined && accepted.has(inode)) open.set(name, inode);
    }
    return {
      left() {
        for (const [name, inode] of open) if (socketInode(name) !== inode) open.delete(name);
        return open.size;
      },
    };
  } catch {
    return undefined; // not permitted, or no /proc: the caller waits a while instead
  }
}

/** Inodes of the sockets of all processes that are connected with this port of theirs. */
function establishedInodes(path: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes: string[] = [];
  let table: string;
  try {
    table = readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return []; // a system without IPv6
    throw error;
  }
  for (const line of table.split("\n")) {
    // sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(wanted) && fields[3] === ESTABLISHED) inodes.push(fields[9]!);
  }
  return inodes;
}

/** The inode of the socket behind a file descriptor. */
function socketInode(descriptor: string): string | undefined {
  try {
    return SOCKET.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined; // closed since
    throw error;
  }
}
