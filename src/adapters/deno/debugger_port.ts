/**
 * Keeps Deno from opening a debugger port when it gets SIGUSR1.
 *
 * Since 2.9.2 it opens 127.0.0.1:9229 at that signal once it has been running for half a second,
 * with or without listeners of the program (denoland/deno pull request 35738); there is no flag
 * against it.
 *
 * @module
 */
import inspector from "node:inspector";
import { openFirst } from "./libc.ts";

const SIGUSR1 = 10;
const SIG_IGN = 1n;
/** How long after the signal the port may be opened, in milliseconds. */
const LATEST_MS = 1000;

/**
 * Has the kernel drop SIGUSR1. The runtime sets its handler once, at the first listener; after
 * that no later listener undoes this. Linux, with permission `ffi`.
 *
 * @returns Whether the signal is ignored from now on.
 */
export function ignoreSigusr1(): boolean {
  if (Deno.build.os !== "linux") return false;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return false;
  Deno.addSignalListener("SIGUSR1", () => {});
  const library = openFirst(["libc.so.6", "libc.so"], {
    signal: { parameters: ["i32", "usize"], result: "isize" },
  });
  const failed = -1n;
  return library !== undefined && library.symbols.signal(SIGUSR1, SIG_IGN) !== failed;
}

/** To be called when SIGUSR1 came: closes the port as soon as the runtime has opened it. */
export function closeDebuggerPort(): void {
  const end = performance.now() + LATEST_MS;
  const timer = setInterval(() => {
    const open = inspector.url() !== undefined;
    if (open) inspector.close();
    if (open || performance.now() > end) clearInterval(timer);
  }, 1);
}
