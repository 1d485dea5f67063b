/**
 * Whether an address can be listened on, looked up before anything is started that will, and why not.
 *
 * @module
 */
import type { Address } from "../../config/config.ts";
import { formatAddress } from "../../config/parsers.ts";

/**
 * Listens for a moment. Permission: net for the address.
 *
 * @param purpose What the address is for, as the error names it.
 * @returns The address, with a free port in the place of port 0.
 * @throws {Error} when it cannot be listened on
 */
export function probeAddress({ hostname, port }: Address, purpose: string): Address {
  try {
    // Node 20, which loads this module with the library, has no using declarations.
    const listener = Deno.listen({ hostname, port });
    listener.close();
    return { hostname, port: listener.addr.port };
  } catch (error) {
    throw listenError({ hostname, port }, purpose, error);
  }
}

/** The error to throw where listening failed: one line with the address, what it is for, and why. */
export function listenError(address: Address, purpose: string, cause: unknown): Error {
  const quoted = JSON.stringify(formatAddress(address));
  return new Error(`Cannot listen on ${quoted} for the ${purpose}: ${describe(cause)}`, { cause });
}

function describe(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use, expected a free one";
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine does not have that address, expected one of its own";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the port may not be used, expected one above 1023";
  }
  return error instanceof Error ? error.message : String(error);
}
