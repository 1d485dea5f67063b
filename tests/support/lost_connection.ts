/** What a client sees when the process at the other end of its connection dies. */

/**
 * Nobody listened, or the connection was reset before `Deno.connect` had asked for its addresses:
 * no byte was sent.
 */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.NotConnected;
}

/** The connection was reset while it was used: the request may have been counted, or not. */
export function wasCutOff(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}
