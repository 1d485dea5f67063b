/**
 * Looks whether an address can be listened on, before anything is started that will.
 *
 * @module
 */
import type { Address } from "../../config/config.ts";

/**
 * Listens for a moment. Permission: net for the address.
 *
 * @param purpose What the address is for, as the error names it.
 * @returns The address, with a free port in the place of port 0.
 * @throws {Error} when it cannot be listened on
 */
export function probeAddress({ hostname, port }: Address, purpose: string): Address {
  try {
    using listener = Deno.listen({ hostname, port });
    return { hostname, port: listener.addr.port };
  } catch (error) {
    const address = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    throw new Error(
      `Cannot listen on "${address}" for the ${purpose}: ${describe(error)}`,
      { cause: error },
    );
  }
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
