/**
 * Mapped files on Deno: `mmap` of the system's libc, through FFI.
 *
 * @module
 */
import type { FileMapper } from "../../storage/filesystem/primitives.ts";

const O_RDWR = 2;
const PROT_READ_AND_WRITE = 3;
const MAP_SHARED = 1;
/** What mmap returns when it fails: -1 as a pointer. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const SYMBOLS = {
  // Variadic, but called without the mode: files exist already.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
} as const;

type Symbols = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** A system's way to the same end. */
interface System {
  readonly symbols: Symbols;
  /** `O_CLOEXEC`: child processes do not inherit the file. */
  readonly closeOnExec: number;
  /** Reserves blocks of an open file; a mapped write to a hole on a full disk is SIGBUS. */
  reserve(file: number, offset: number, length: number): void;
}

/**
 * The mapper of this system; `undefined` where there is none (Windows), or without the permission
 * `--allow-ffi`, which is not asked for: there is another way.
 */
export function openMapper(): FileMapper | undefined {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  const system = Deno.build.os === "linux"
    ? openLinux()
    : Deno.build.os === "darwin"
    ? openMacos()
    : undefined;
  if (system === undefined) return undefined;
  return { map: (path, offset, length) => map(system, path, offset, length) };
}

function map(system: System, path: string, offset: number, length: number): ArrayBuffer {
  const { open, close, mmap } = system.symbols;
  const file = open(new TextEncoder().encode(path + "\0"), O_RDWR | system.closeOnExec);
  if (file < 0) throw new Error(`open(2) failed for ${JSON.stringify(path)}`);
  try {
    system.reserve(file, offset, length);
    const address = mmap(
      null,
      BigInt(length),
      PROT_READ_AND_WRITE,
      MAP_SHARED,
      file,
      BigInt(offset),
    );
    if (address === null || Deno.UnsafePointer.value(address) === MAP_FAILED) {
      throw new Error(`mmap(2) of ${length} bytes failed for ${JSON.stringify(path)}`);
    }
    return Deno.UnsafePointerView.getArrayBuffer(address, length);
  } finally {
    close(file); // the mapping stays
  }
}

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
/** A signal that nobody minds. */
const SIGURG = 23;

/**
 * How to find out whether a process of the machine might have a file open for writing, or mapped so;
 * `undefined` where there is no way (anything but Linux), or without the permission `--allow-ffi`.
 *
 * The kernel grants a read lease (fcntl(2)) only while there is no such process, in whichever pid
 * namespace. It takes the owner of the file, or root; a file system without leases refuses.
 */
export function openWriterCheck(): ((path: string) => boolean) | undefined {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  if (Deno.build.os !== "linux") return undefined;
  // Variadic, but with integers alone, which Linux passes as it does those of other functions.
  const definitions = {
    ...SYMBOLS,
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  } as const;
  const library = openFirst(["libc.so.6", "libc.so"], definitions);
  if (library === undefined) return undefined;
  const { open, close, fcntl } = library.symbols;
  return (path) => {
    // O_RDONLY
    const file = open(new TextEncoder().encode(path + "\0"), 0o2000000);
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

/** Error numbers of Linux that a disk gives; others are named by number. */
const ERROR_CODES: ReadonlyMap<number, string> = new Map([
  [28, "ENOSPC"],
  [30, "EROFS"],
  [122, "EDQUOT"],
]);

const EINTR = 4;

function openLinux(): System | undefined {
  const definitions = {
    ...SYMBOLS,
    posix_fallocate: { parameters: ["i32", "i64", "i64"], result: "i32" },
  } as const;
  const library = openFirst(["libc.so.6", "libc.so"], definitions); // glibc, musl
  if (library === undefined) return undefined;
  const { symbols } = library;
  return {
    symbols,
    closeOnExec: 0o2000000,
    reserve(file, offset, length) {
      let number: number;
      do {
        number = symbols.posix_fallocate(file, BigInt(offset), BigInt(length));
      } while (number === EINTR);
      if (number === 0) return;
      const code = ERROR_CODES.get(number) ?? `error ${number}`;
      throw Object.assign(new Error(`${code}: posix_fallocate(3) of ${length} bytes`), { code });
    },
  };
}

const F_PREALLOCATE = 42;
const F_ALLOCATEALL = 4;
const F_PEOFPOSMODE = 3;

function openMacos(): System | undefined {
  // fcntl is variadic: on arm64 its third argument is on the stack, which begins with the ninth of
  // a call that is not; on x86_64 it is in the third register. It is passed in both places.
  const definitions = {
    ...SYMBOLS,
    fcntl: {
      parameters: ["i32", "i32", "buffer", "i64", "i64", "i64", "i64", "i64", "buffer"],
      result: "i32",
    },
    ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  } as const;
  const library = openFirst(["libSystem.B.dylib"], definitions);
  if (library === undefined) return undefined;
  const { symbols } = library;
  return {
    symbols,
    closeOnExec: 0x1000000,
    reserve(file, offset, length) {
      // fstore_t: flags, posmode, offset, length, bytesalloc. Whole blocks after the last one.
      const store = new DataView(new ArrayBuffer(32));
      store.setUint32(0, F_ALLOCATEALL, true);
      store.setInt32(4, F_PEOFPOSMODE, true);
      store.setBigInt64(16, BigInt(length), true);
      const bytes = new Uint8Array(store.buffer);
      const { fcntl, ftruncate } = symbols;
      if (
        fcntl(file, F_PREALLOCATE, bytes, 0n, 0n, 0n, 0n, 0n, bytes) < 0 ||
        ftruncate(file, BigInt(offset + length)) < 0
      ) {
        const code = "ENOSPC";
        throw Object.assign(new Error(`${code}: fcntl(2) of ${length} bytes`), { code });
      }
    },
  };
}

/** Opens the first library of these names that there is. Permission: `ffi`. */
export function openFirst<const S extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> | undefined {
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch {
      // Not this libc: the next name, or files without mapping, which is no error.
    }
  }
  return undefined;
}
