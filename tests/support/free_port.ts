/** Ports that nobody listens on. Use port 0 where the program under test can say what it got. */

/** Below those that systems give to outgoing connections, of which parallel tests make many. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** A test module has so many ports to itself: more than it has been given and not yet taken at any moment. */
const BLOCK = 60;
const BLOCKS = (HIGHEST - LOWEST) / BLOCK;

/** Listens on the first port of this module's block, which keeps other modules and runs out of the block. */
let block: Deno.TcpListener | undefined;
let given = 0;

/** A TCP port of the loopback interface that is free, and that no other test is given. */
export function freePort(): number {
  block ??= claimBlock();
  while (true) {
    const port = block.addr.port + 1 + given++ % (BLOCK - 1);
    const listener = tryListen(port);
    if (listener === undefined) continue;
    listener.close();
    return port;
  }
}

function claimBlock(): Deno.TcpListener {
  while (true) {
    const listener = tryListen(LOWEST + BLOCK * Math.floor(Math.random() * BLOCKS));
    if (listener !== undefined) return listener;
  }
}

function tryListen(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}
