/**
 * Says why an address cannot be listened on.
 *
 * @module
 */
import type { Address } from "../../config/config.ts";
import { formatAddress } from "../../config/parsers.ts";
import { errorCode } from "../../storage/filesystem/file_errors.ts";

/** The error to throw where listening failed: one line with the address, what it is for, and why. */
export function listenError(address: Address, purpose: string, cause: unknown): Error {
  const quoted = JSON.stringify(formatAddress(address));
  return new Error(`Cannot listen on ${quoted} for the ${purpose}: ${describe(cause)}`, { cause });
}

function describe(error: unknown): string {
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return "the port is in use, expected a free one";
    case "EADDRNOTAVAIL":
      return "this machine does not have that address, expected one of its own";
    case "EACCES":
      return "the port may not be used, expected one above 1023";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
