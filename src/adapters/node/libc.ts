/**
 * Functions of C libraries on Node, through `npm:koffi` where the application has it.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import type {
  ForeignFunctions,
  ForeignType,
  Functions,
  Pointer,
  Signatures,
} from "../libc/foreign_functions.ts";

/** What is used of koffi, from version 3 on. */
interface Koffi {
  load(
    name: string,
  ): { func(name: string, result: string, parameters: readonly string[]): unknown };
  address(pointer: Pointer): bigint;
  view(pointer: Pointer, length: number): ArrayBuffer;
  errno(): number;
}

/** C libraries, and why the last call failed. */
export interface NodeForeignFunctions extends ForeignFunctions {
  /** The error number of the last call. */
  errno(): number;
}

const TYPES: Readonly<Record<ForeignType, string>> = {
  i32: "int32_t",
  i64: "int64_t",
  usize: "size_t",
  buffer: "void *",
  pointer: "void *",
};

let loaded: { readonly koffi: Koffi | undefined } | undefined;

/**
 * C libraries through koffi; `undefined` when it is not installed, is too old or has no binary for
 * this system, which is no error: there is another way. It is looked for at the first call, where
 * this package is and where the main program is.
 */
export function foreignFunctions(): NodeForeignFunctions | undefined {
  loaded ??= { koffi: loadKoffi() };
  const { koffi } = loaded;
  if (koffi === undefined) return undefined;
  return {
    system: process.platform,
    open: (names, signatures) => openFirst(koffi, names, signatures),
    address: (pointer) => koffi.address(pointer),
    memory: (pointer, length) => koffi.view(pointer, length),
    errno: () => koffi.errno(),
  };
}

function loadKoffi(): Koffi | undefined {
  // A package that is linked rather than installed is not where the application's packages are.
  for (const from of [import.meta.url, process.argv[1]]) {
    if (from === undefined) continue;
    try {
      const koffi = createRequire(from)("koffi") as Partial<Koffi>;
      const isUsable = (["load", "address", "view", "errno"] as const)
        .every((name) => typeof koffi[name] === "function");
      if (isUsable) return koffi as Koffi;
    } catch {
      // Not there, or without a binary for this system: files without it, which is no error.
    }
  }
  return undefined;
}

function openFirst<const S extends Signatures>(
  koffi: Koffi,
  names: readonly string[],
  signatures: S,
): Functions<S> | undefined {
  for (const name of names) {
    try {
      const library = koffi.load(name);
      const functions = Object.entries(signatures).map(([symbol, { parameters, result }]) => [
        symbol,
        library.func(symbol, TYPES[result], parameters.map((type) => TYPES[type])),
      ]);
      return Object.fromEntries(functions) as Functions<S>;
    } catch {
      // Not this libc: the next name, or files without it.
    }
  }
  return undefined;
}
