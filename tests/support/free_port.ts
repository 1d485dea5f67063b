/** Ports that nobody listens on. Use port 0 where the program under test can say what it got. */

/** A TCP port of the loopback interface that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
