/**
 * Keeps a connected client.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import { CONNECTION, type ProblemLog } from "./problem_log.ts";
import type { RedisClient } from "./redis_client.ts";
import { CLOSED, isCut, type RedisErrors, TIMED_OUT } from "./redis_errors.ts";
import { refuseServer } from "./server_check.ts";

/** Where clients come from. */
export type ClientSource =
  /** Makes a client that is not connected yet, does not connect anew and queues no commands. */
  | { readonly make: () => RedisClient }
  /** Somebody else's, which connects anew by itself. */
  | { readonly client: RedisClient };

/** A client, connected or on its way. */
export interface ClientLife extends AsyncDisposable {
  /** The client now. */
  readonly client: RedisClient;
  /** Since when it can be used, in milliseconds of `performance.now()`; `undefined` while it cannot. */
  readonly connectedSince: number | undefined;
  /**
   * It is of no use any more: another one is made. Somebody else's is left alone, and used again when
   * it has answered.
   *
   * @param client Nothing is done when it is not the client now.
   * @param answer Settles when somebody else's client has answered.
   */
  drop(client: RedisClient, answer: Promise<unknown>): void;
  /** A command says that the connection is closed; the client says so some turns later. */
  cut(client: RedisClient): void;
}

/** What {@linkcode keepClient} works with. */
export interface ClientLifeOptions {
  /** Makes the errors. */
  readonly errors: RedisErrors;
  /** Told why there is no connection. */
  readonly problems: ProblemLog;
  /** How long a command may take, and half of what connecting may, in milliseconds. */
  readonly commandTimeoutMs: number;
  /** Whether a replica is refused. */
  readonly masterOnly: boolean;
}

/** How long to wait before it is tried again to connect: doubled each time, half of it by chance. */
const RETRY_MS = { first: 100, most: 2000 };

/** How soon a server that loads its data is asked again. */
const LOADING_RETRY_MS = 250;

/** How long the end of a client is waited for, and how often it is asked for. */
const CLOSE_MS = 1000;
const AGAIN_MS = 200;

/** Connects in the background, for ever. One client is one connection: after it a new one is made. */
export function keepClient(source: ClientSource, options: ClientLifeOptions): ClientLife {
  const { errors, problems, commandTimeoutMs, masterOnly } = options;
  const owned = "make" in source;
  const ending = new Set<Promise<void>>();
  let connectedSince: number | undefined;
  // What is found out about a connection holds for that one only.
  let connection = 0;
  let attempts = 0;
  // Whether it has been told why this connection fails.
  let told = false;
  let sentinelError: unknown;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const later = (action: () => void, ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(action, ms);
    timer.unref();
  };
  const tell = (error: unknown): void => {
    if (closed) return;
    told = true;
    problems.raise(CONNECTION, errors.connecting(error).message);
  };
  const begin = (): void => {
    connection++;
    connectedSince = undefined;
    told = false;
    sentinelError = undefined;
  };
  const abandon = (old: RedisClient): void => {
    for (const [event, listener] of Object.entries(listeners)) old.off(event, listener);
    old.on("error", () => {}); // Nobody is interested any more.
    if (!owned) return;
    const end = endClient(old);
    ending.add(end);
    void end.then(() => ending.delete(end));
  };
  const renew = (): void => {
    if (!owned || closed) return;
    begin(); // What the old one still says is not heard.
    abandon(client);
    const delay = Math.min(RETRY_MS.first * 2 ** attempts++, RETRY_MS.most);
    later(() => {
      client = source.make();
      connect();
    }, delay * (0.5 + Math.random() / 2));
  };
  /** A server that accepts connections and says nothing gives no event. */
  const limitTime = (): void =>
    later(() => {
      tell(new Error(TIMED_OUT));
      renew();
    }, 2 * commandTimeoutMs);
  const connect = (): void => {
    begin();
    for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
    if (!owned) {
      if (client.status === "ready") void check();
      return;
    }
    const mine = connection;
    limitTime();
    client.connect().catch((error) => {
      if (mine !== connection) return;
      // Most errors come as an event before, which says more.
      if (!told) tell(error);
      renew();
    });
  };
  const check = async (): Promise<void> => {
    const mine = connection;
    let refused: unknown;
    try {
      refused = await refuseServer(client, masterOnly);
    } catch (error) {
      refused = error;
    }
    if (mine !== connection || closed) return;
    if (refused === undefined) {
      clearTimeout(timer);
      attempts = 0;
      connectedSince = performance.now();
      problems.clear(CONNECTION);
      return;
    }
    if (!told || !isCut(errors.connecting(refused))) tell(refused);
    if (!(refused instanceof Error && refused.message.startsWith("LOADING"))) return renew();
    later(() => {
      if (mine !== connection) return;
      if (owned) limitTime();
      void check();
    }, LOADING_RETRY_MS);
  };
  const lost = (): void => {
    if (connectedSince !== undefined) tell(CLOSED);
    if (owned) renew();
    else begin();
  };

  const listeners = {
    ready: () => void check(),
    error: (error: unknown) => {
      const inVain = error instanceof Error && error.message.startsWith("All sentinels");
      tell(inVain ? sentinelError ?? error : error);
      // ioredis goes on in database 0 when the one wanted cannot be selected.
      if (error instanceof Error && error.name === "ReplyError") renew();
    },
    // The error after the last Sentinel does not say what was wrong; who refuses says more than who
    // does not answer.
    sentinelError: (error: unknown) => {
      if (sentinelError === undefined || !isCut(errors.connecting(error))) sentinelError = error;
    },
    close: lost,
    end: () => {
      if (owned) lost();
      else tell(CLOSED);
    },
  };
  let client = owned ? source.make() : source.client;
  connect();

  return {
    get client() {
      return client;
    },
    get connectedSince() {
      return connectedSince;
    },
    drop(dropped, answer) {
      if (dropped !== client || connectedSince === undefined) return;
      connectedSince = undefined;
      if (owned) return renew();
      const mine = connection;
      const again = (): void => void (mine === connection && check());
      answer.then(again, again);
    },
    cut(one) {
      if (one === client) connectedSince = undefined;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      connectedSince = undefined;
      clearTimeout(timer);
      abandon(client);
      await Promise.all(ending);
    },
  };
}

/** Ends a client, and waits for that: sockets are closed some turns later. */
async function endClient(client: RedisClient): Promise<void> {
  const ended = new Promise<boolean>((resolve) => {
    if (client.status === "end") resolve(true);
    else client.on("end", () => resolve(true));
  });
  // A redirection that comes just then makes a new connection, and a cluster's client waits for the
  // end of that one, too: it is asked for several times.
  for (let waited = 0; waited < CLOSE_MS; waited += AGAIN_MS) {
    if (client.status !== "end") client.disconnect();
    let limit: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      limit = setTimeout(() => resolve(false), AGAIN_MS);
    });
    const done = await Promise.race([ended, late]);
    clearTimeout(limit);
    if (done) return;
  }
}
