/** A real Redis server for a test. */
import { freePort } from "./free_port.ts";
import { externals } from "./externals.ts";
import { spawn } from "./spawn.ts";
import { tempDir } from "./temp_dir.ts";

/** A running server; `await using` ends it and removes its data. */
export interface RedisServer extends AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  /** The directory of its data. */
  readonly directory: string;
  /** The process now; another one after {@linkcode RedisServer.start}. */
  readonly pid: number;
  /** Ends it at once; its data on disk stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with the data on disk. */
  start(): Promise<void>;
}

/**
 * Starts a server that listens on 127.0.0.1 alone and writes nothing to disk unless asked to.
 *
 * @param args Further arguments, such as `["--appendonly", "yes"]`.
 */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const program = externals["redis-server"];
  if (program === undefined) throw new Error("Cannot start Redis: redis-server is not installed");
  const dir = await tempDir();
  const port = freePort();
  const start = async (): Promise<ReturnType<typeof spawn>> => {
    const server = spawn(program, [
      ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir.path],
      ...["--save", "", "--daemonize", "no", ...args],
    ]);
    await server.waitForOutput(/Ready to accept connections/);
    return server;
  };
  let server = await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    directory: dir.path,
    get pid() {
      return server.pid;
    },
    async kill() {
      Deno.kill(server.pid, "SIGKILL");
      await server.status;
    },
    async start() {
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
