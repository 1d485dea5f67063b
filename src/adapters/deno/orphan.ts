/**
 * Ends a worker whose master was killed, also one that is stuck in a synchronous loop and hears
 * nothing.
 *
 * @module
 */
import { openFirst } from "./libc.ts";

/** prctl(2): the signal that the kernel sends this process when its parent ends. */
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;

/** How often the parent is looked at, in milliseconds. */
const LOOK_MS = 250;
/** How long a worker whose loop is free may take to end in order, in milliseconds. */
export const ORPHAN_GRACE_MS = 3000;

/**
 * Has the kernel end this process when the one that started it ends. Linux, with permission `ffi`.
 *
 * @returns Whether it will.
 */
export function dieWithParent(): boolean {
  if (Deno.build.os !== "linux") return false;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return false;
  // Variadic, but all its arguments are in registers on the machines that Deno runs on.
  const library = openFirst(["libc.so.6", "libc.so"], {
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  });
  return library?.symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n) === 0;
}

/**
 * Looks at the parent from a thread of its own. It keeps the process from ending by itself, so it
 * has to be ended with what goes on.
 *
 * @returns A function that ends it.
 */
export function watchParent(masterPid: number): () => void {
  const code = `const timer = setInterval(() => {
    if (Deno.ppid === ${masterPid}) return;
    clearInterval(timer);
    setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), ${ORPHAN_GRACE_MS});
  }, ${LOOK_MS});`;
  const thread = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  thread.addEventListener("error", (event) => event.preventDefault());
  return () => thread.terminate();
}
