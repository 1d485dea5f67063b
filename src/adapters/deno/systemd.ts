/**
 * Tells systemd how the service is (`Type=notify`, `WatchdogSec=`), as `sd_notify(3)` describes.
 *
 * Through libc, because Deno opens datagram sockets of Unix only with `--unstable-net`.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import { openFirst } from "./libc.ts";

const AF_UNIX = 1;
/** `SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK`: a full socket must not stop the master. */
const SOCKET_TYPE = 2 | 0o2000000 | 0o4000;
/** A socket that is gone is an error, no signal. */
const MSG_NOSIGNAL = 0x4000;
const CLOCK_MONOTONIC = 1;
/** Size of `sun_path`, unix(7). */
const LONGEST_PATH = 108;

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const;

/** What systemd is told; after `stopping` nothing else. Disposing of it ends the watchdog's messages and closes the socket. */
export interface ServiceNotifier extends Disposable {
  /** The service is up, or up again after a reload. */
  ready(): void;
  /** A reload has begun; `ready` says when it is over. */
  reloading(): void;
  /** The service is ending. */
  stopping(): void;
}

/** What the notifier is made of. */
export interface NotifierOptions {
  /** Looks up an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Whether the watchdog may be told that all is well. */
  readonly isHealthy: () => boolean;
  /** Where failures go. */
  readonly log: Log;
}

/**
 * Connects with systemd, where it asks for that: `NOTIFY_SOCKET` is set. With `WATCHDOG_USEC` it is
 * told at twice that pace that the service is healthy, from now on until it is not.
 *
 * Permissions: ffi, env. Without ffi nothing can be told, which is logged: systemd then takes the
 * start for failed.
 */
export function connectSystemd({ env, isHealthy, log }: NotifierOptions): ServiceNotifier {
  const address = env("NOTIFY_SOCKET");
  if (address === undefined || address === "" || Deno.build.os !== "linux") return SILENT;
  const name = socketName(address);
  if (name === undefined) {
    log.warn(`Cannot notify systemd: NOTIFY_SOCKET is ${JSON.stringify(address)}, expected a path`);
    return SILENT;
  }
  const libc = Deno.permissions.querySync({ name: "ffi" }).state === "granted"
    ? openFirst(["libc.so.6", "libc.so"], SYMBOLS)?.symbols
    : undefined;
  const socket = libc?.socket(AF_UNIX, SOCKET_TYPE, 0) ?? -1;
  if (libc === undefined || socket < 0) {
    log.warn("Cannot notify systemd: no access to libc, expected the permission --allow-ffi");
    return SILENT;
  }
  let failed = false;
  let ending = false;
  let closed = false;

  function send(state: string): void {
    if (closed) return;
    const message = new TextEncoder().encode(state);
    const sent = libc!.sendto(
      socket,
      message,
      BigInt(message.length),
      MSG_NOSIGNAL,
      name!,
      name!.length,
    );
    if (Number(sent) < 0 && !failed) log.warn("Cannot notify systemd: sendto(2) failed");
    failed = Number(sent) < 0;
  }

  function monotonicMicroseconds(): bigint {
    const time = new BigInt64Array(2);
    libc!.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer));
    return time[0]! * 1_000_000n + time[1]! / 1000n;
  }

  const periodMs = watchdogMs(env) / 2;
  const timer = periodMs > 0
    ? setInterval(() => {
      if (isHealthy()) send("WATCHDOG=1");
    }, periodMs)
    : undefined;

  return {
    ready() {
      if (!ending) send("READY=1");
    },
    reloading() {
      if (!ending) send(`RELOADING=1\nMONOTONIC_USEC=${monotonicMicroseconds()}`);
    },
    stopping() {
      ending = true;
      send("STOPPING=1");
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      // The number may be that of another file by the second time.
      if (!closed) libc.close(socket);
      closed = true;
    },
  };
}

/** Nobody asks. */
const SILENT: ServiceNotifier = {
  ready() {},
  reloading() {},
  stopping() {},
  [Symbol.dispose]() {},
};

/** `struct sockaddr_un`; `@` at the beginning stands for the zero byte of an abstract name. */
function socketName(address: string): Uint8Array<ArrayBuffer> | undefined {
  const isAbstract = address.startsWith("@");
  if (!isAbstract && !address.startsWith("/")) return undefined;
  const path = new TextEncoder().encode(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (path.length > LONGEST_PATH) return undefined;
  const name = new Uint8Array(2 + path.length);
  new Uint16Array(name.buffer, 0, 1)[0] = AF_UNIX;
  name.set(path, 2);
  return name;
}

/** The time within which systemd wants to hear something; 0 when it does not ask this process. */
function watchdogMs(env: NotifierOptions["env"]): number {
  const pid = env("WATCHDOG_PID");
  if (pid !== undefined && pid !== "" && Number(pid) !== Deno.pid) return 0;
  const microseconds = Number(env("WATCHDOG_USEC"));
  return Number.isSafeInteger(microseconds) && microseconds > 0 ? microseconds / 1000 : 0;
}
