/**
 * Has the kernel end a process with the one that started it.
 *
 * @module
 */
import { type ForeignFunctions, LINUX_LIBC } from "./foreign_functions.ts";

/** prctl(2): the signal that the kernel sends this process when its parent ends. */
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;

/**
 * Has the kernel end this process when the one that started it ends, also when it is stuck in a
 * synchronous loop and hears nothing. Linux alone has that.
 *
 * @returns Whether it will.
 */
export function dieWithParent(foreign: ForeignFunctions | undefined): boolean {
  if (foreign?.system !== "linux") return false;
  // Variadic, but all its arguments are in registers on the machines that runtimes are made for.
  const functions = foreign.open(LINUX_LIBC, {
    prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  });
  return functions?.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n) === 0;
}
