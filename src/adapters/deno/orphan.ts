/**
 * Ends a worker whose master was killed, also one that is stuck in a synchronous loop and hears
 * nothing.
 *
 * @module
 */
import { dieWithParent as dieWith } from "../libc/die_with_parent.ts";
import { ORPHAN_GRACE_MS } from "../service/service_worker.ts";
import { foreignFunctions } from "./libc.ts";

/** How often the parent is looked at, in milliseconds. */
const LOOK_MS = 250;
/** Has the kernel end this process when the one that started it ends. Linux, with permission `ffi`. */
export function dieWithParent(): boolean {
  return dieWith(foreignFunctions());
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
