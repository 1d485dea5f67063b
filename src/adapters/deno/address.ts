/**
 * Whether an address can be listened on, looked up before anything is started that will.
 *
 * @module
 */
import type { Address } from "../../config/config.ts";
import { listenError } from "../service/listen_error.ts";

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
