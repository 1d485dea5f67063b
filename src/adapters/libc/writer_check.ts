/**
 * Finding out whether anybody might write to a file, from the kernel.
 *
 * @module
 */
import { type ForeignFunctions, LINUX_LIBC, pathBytes } from "./foreign_functions.ts";

/** `O_RDONLY | O_CLOEXEC` */
const OPEN_FLAGS = 0o2000000;
const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
/** A signal that nobody minds. */
const SIGURG = 23;

/**
 * How to find out whether a process of the machine might have a file open for writing, or mapped so;
 * `undefined` where there is no way (anything but Linux).
 *
 * The kernel grants a read lease (fcntl(2)) only while there is no such process, in whichever pid
 * namespace. It takes the owner of the file, or root; a file system without leases refuses.
 */
export function openWriterCheck(
  foreign: ForeignFunctions,
): ((path: string) => boolean) | undefined {
  if (foreign.system !== "linux") return undefined;
  const functions = foreign.open(LINUX_LIBC, {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    // Variadic, but with integers alone, which Linux passes as it does those of other functions.
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  });
  if (functions === undefined) return undefined;
  const { open, close, fcntl } = functions;
  return (path) => {
    const file = open(pathBytes(path), OPEN_FLAGS);
    if (file < 0) return true;
    try {
      // Whoever opens the file during the lease makes the kernel send us a signal.
      if (fcntl(file, F_SETSIG, SIGURG) < 0) return true;
      if (fcntl(file, F_SETLEASE, F_RDLCK) < 0) return true;
      fcntl(file, F_SETLEASE, F_UNLCK);
      return false;
    } finally {
      close(file);
    }
  };
}
