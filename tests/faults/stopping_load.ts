/**
 * Clients of a service whose workers stop in order. Those that keep their connections may not notice;
 * those that connect anew may be reset before they got a byte, once for each worker that stops
 * listening: such a connection was never accepted, and its request is not in the totals.
 */
import { wasCutOff, wasNeverSent } from "../support/lost_connection.ts";
import { type KeptConnection, keptConnection, type Serving } from "../integration/serving.ts";

const KEEPING_CLIENTS = 8;
const CONNECTING_CLIENTS = 4;

/** How many clients there are. */
export const CLIENTS = KEEPING_CLIENTS + CONNECTING_CLIENTS;

/** What the clients know. */
export interface StoppingLoad {
  /** Answers on kept connections. */
  kept: number;
  /** Answers on connections of their own. */
  fresh: number;
  /** New connections that were refused, or reset before the first byte. */
  resets: number;
  /** Kept connections that ended without a word: on a busy machine a client may ask too late. */
  cut: number;
  done: boolean;
}

/** Sends requests while something runs, until it is over. @returns what the clients know then */
export async function loadDuring(
  serving: Serving,
  run: (load: Readonly<StoppingLoad>) => Promise<void>,
): Promise<StoppingLoad> {
  const load: StoppingLoad = { kept: 0, fresh: 0, resets: 0, cut: 0, done: false };
  const running = async (): Promise<void> => {
    try {
      await run(load);
    } finally {
      load.done = true;
    }
  };
  await Promise.all([
    ...Array.from({ length: KEEPING_CLIENTS }, () => keepAsking(serving, load)),
    ...Array.from({ length: CONNECTING_CLIENTS }, () => keepConnecting(serving, load)),
    running(),
  ]);
  return load;
}

/** Asks on one connection until the server says that it closes it, then on another. */
async function keepAsking(serving: Serving, load: StoppingLoad): Promise<void> {
  while (!load.done) {
    const first = await firstAnswer(serving, load);
    using connection = first.connection;
    let kept = first.kept;
    while (kept && !load.done) {
      try {
        kept = await connection.request();
        load.kept++;
      } catch (error) {
        if (!isReset(error)) throw error;
        load.cut++;
        break;
      }
    }
  }
}

async function keepConnecting(serving: Serving, load: StoppingLoad): Promise<void> {
  while (!load.done) (await firstAnswer(serving, load)).connection[Symbol.dispose]();
}

/** Connects and asks until there is an answer: up to then a connection may be reset. */
async function firstAnswer(serving: Serving, load: StoppingLoad) {
  for (;;) {
    let connection: KeptConnection | undefined;
    try {
      connection = await keptConnection(serving.app);
      const kept = await connection.request();
      load.fresh++;
      return { connection, kept };
    } catch (error) {
      connection?.[Symbol.dispose]();
      if (!isReset(error)) throw error;
      load.resets++;
      // Where nobody listens just now, asking without pause would keep the next one from starting.
      if (error instanceof Deno.errors.ConnectionRefused) await delay(10);
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether the connection ended without a byte of an answer. */
function isReset(error: unknown): boolean {
  return wasCutOff(error) || wasNeverSent(error) ||
    (error instanceof Error && error.message === 'The answer was cut off: ""');
}
