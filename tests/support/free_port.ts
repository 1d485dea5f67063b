/** Ports that nobody listens on. Use port 0 where the program under test can say what it got. */

/** Below those that systems give to outgoing connections, of which parallel tests make many. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** A TCP port of the loopback interface that was free a moment ago. */
export function freePort(): number {
  while (true) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
