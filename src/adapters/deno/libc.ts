/**
 * Functions of C libraries on Deno.
 *
 * @module
 */
import type { ForeignFunctions, Functions, Signatures } from "../libc/foreign_functions.ts";

/**
 * C libraries through `Deno.dlopen`; `undefined` without the permission `--allow-ffi`, which is not
 * asked for: there is another way.
 */
export function foreignFunctions(): ForeignFunctions | undefined {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  return {
    system: Deno.build.os,
    open: <const S extends Signatures>(names: readonly string[], signatures: S) =>
      openFirst(names, signatures)?.symbols as unknown as Functions<S> | undefined,
    address: (pointer) => Deno.UnsafePointer.value(pointer as Deno.PointerValue),
    memory: (pointer, length) =>
      Deno.UnsafePointerView.getArrayBuffer(pointer as unknown as Deno.PointerObject, length),
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
