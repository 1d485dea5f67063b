/** A TCP proxy on the loopback interface that makes faults of a network, without privileges. */

/** A running proxy; `await using` ends it and its connections. */
export interface TcpProxy extends AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** How many connections it has. */
  readonly connections: number;
  /** Applied to what the server sends, byte for byte as Latin 1; must not change the length. */
  rewrite: (text: string) => string;
  /** Ends all connections; new ones are served. */
  cut(): void;
  /** Passes nothing on, in either direction, until {@linkcode TcpProxy.release}. */
  hold(): void;
  /** Passes on what was held, and everything after it. */
  release(): void;
  /**
   * Passes on the next piece of a client's data that matches, drops what the server says to it and
   * ends the connection: the server did it, the client does not know.
   *
   * @returns Settles when that has happened.
   */
  loseReplyTo(pattern: RegExp): Promise<void>;
  /**
   * Drops the next piece of a client's data that matches, and ends the connection: the server did
   * nothing, the client does not know.
   *
   * @returns Settles when that has happened.
   */
  loseRequest(pattern: RegExp): Promise<void>;
}

interface Pair {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  losing?: () => void;
}

interface Loss {
  readonly of: "reply" | "request";
  readonly pattern: RegExp;
  readonly done: () => void;
}

/** Starts a proxy for a port of 127.0.0.1. */
export function startTcpProxy(targetPort: number): TcpProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pairs = new Map<Pair, Promise<unknown>>();
  let gate = Promise.resolve();
  let open = (): void => {};
  let lose: Loss | undefined;

  const close = ({ client, server }: Pair): void => {
    for (const conn of [client, server]) {
      try {
        conn.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error; // The other side was first.
      }
    }
  };
  const toServer = (pair: Pair, data: Uint8Array): Uint8Array | undefined => {
    if (!lose?.pattern.test(latin1(data))) return data;
    const { of, done } = lose;
    lose = undefined;
    if (of === "reply") {
      pair.losing = done;
      return data;
    }
    close(pair);
    done();
    return undefined;
  };
  const toClient = (pair: Pair, data: Uint8Array): Uint8Array | undefined => {
    if (pair.losing !== undefined) {
      close(pair);
      pair.losing();
      return undefined;
    }
    const text = proxy.rewrite(latin1(data));
    return Uint8Array.from(text, (char) => char.charCodeAt(0));
  };
  const pump = async (
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    change: (data: Uint8Array) => Uint8Array | undefined,
  ): Promise<void> => {
    const buffer = new Uint8Array(65_536);
    for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
      await gate;
      let rest = change(buffer.slice(0, size));
      if (rest === undefined) return;
      while (rest.length > 0) rest = rest.subarray(await to.write(rest));
    }
  };
  const serve = async (client: Deno.TcpConn): Promise<void> => {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
    } catch {
      client.close(); // Nobody listens there now: that is what the client sees, too.
      return;
    }
    const pair: Pair = { client, server };
    const work = Promise.race([
      pump(client, server, (data) => toServer(pair, data)),
      pump(server, client, (data) => toClient(pair, data)),
    ]).catch(() => {}).finally(() => {
      close(pair);
      pairs.delete(pair);
    });
    pairs.set(pair, work);
  };
  const accept = async (): Promise<void> => {
    for await (const client of listener) void serve(client);
  };
  const accepting = accept();

  const proxy: TcpProxy = {
    port: listener.addr.port,
    get connections() {
      return pairs.size;
    },
    rewrite: (text) => text,
    cut() {
      for (const pair of pairs.keys()) close(pair);
    },
    hold() {
      gate = new Promise((resolve) => open = resolve);
    },
    release() {
      open();
    },
    loseReplyTo(pattern) {
      return new Promise((resolve) => lose = { of: "reply", pattern, done: resolve });
    },
    loseRequest(pattern) {
      return new Promise((resolve) => lose = { of: "request", pattern, done: resolve });
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      open();
      proxy.cut();
      await accepting;
      await Promise.all(pairs.values());
    },
  };
  return proxy;
}

function latin1(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 4096) {
    text += String.fromCharCode(...data.subarray(at, at + 4096));
  }
  return text;
}
