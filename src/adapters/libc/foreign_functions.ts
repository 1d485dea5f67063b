/**
 * How functions of a C library are called, whichever runtime does it.
 *
 * @module
 */

/** How C passes a value; `"pointer"` as a parameter is always null. */
export type ForeignType = "i32" | "i64" | "usize" | "buffer" | "pointer";

/** The types of functions, by name. */
export type Signatures = Readonly<
  Record<
    string,
    { readonly parameters: readonly ForeignType[]; readonly result: "i32" | "pointer" }
  >
>;

/** A pointer as the runtime represents it. */
export type Pointer = { readonly brand: "pointer" } | null;

interface Arguments {
  i32: number;
  i64: bigint;
  usize: bigint;
  buffer: Uint8Array<ArrayBuffer>;
  pointer: null;
}

type ArgumentsOf<P extends readonly ForeignType[]> = { -readonly [I in keyof P]: Arguments[P[I]] };

/** The functions that have these types. */
export type Functions<S extends Signatures> = {
  readonly [Name in keyof S]: (
    ...values: ArgumentsOf<S[Name]["parameters"]>
  ) => S[Name]["result"] extends "i32" ? number : Pointer;
};

/** A runtime's way into C libraries. */
export interface ForeignFunctions {
  /** The operating system, such as `"linux"`, `"darwin"`. */
  readonly system: string;
  /** The functions of the first library of these names that there is, if there is one. */
  open<const S extends Signatures>(
    names: readonly string[],
    signatures: S,
  ): Functions<S> | undefined;
  /** The address that a pointer holds. */
  address(pointer: Pointer): bigint;
  /** The memory at a pointer. It is not freed. */
  memory(pointer: Pointer, length: number): ArrayBuffer;
}

/** The names of the C library on Linux: of glibc, and of musl. */
export const LINUX_LIBC: readonly string[] = ["libc.so.6", "libc.so"];

/** The bytes of a path as C takes it. */
export function pathBytes(path: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(path + "\0");
}
