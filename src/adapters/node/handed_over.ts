/**
 * Connections that a primary has handed to a worker which died before it took them, or gave them back
 * when nobody else was there.
 *
 * With round-robin scheduling the primary accepts connections and sends each to a worker, which says
 * whether it has taken it. Node (20 to 24) waits for that answer for ever, and puts what is given back
 * into the queue of its listener, even when that has ended: such a client would hang, and the primary
 * keep its socket. Nothing of such a connection has been read yet, so another worker can have it.
 *
 * @module
 */
import type { Worker } from "node:cluster";
import { nextTick } from "node:process";
import { setImmediate, setTimeout } from "node:timers";
import type { ListenerShares } from "./listener_shares.ts";

/** A connection as Node's own code passes it on. */
interface Handle {
  close(): void;
}

/** How a primary's messages to workers and their answers look: internal, but the same in all versions. */
interface ClusterMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  readonly seq?: unknown;
  readonly ack?: unknown;
  readonly accepted?: unknown;
  readonly errno?: unknown;
  /** Of the listener. */
  readonly key?: string;
}

/** A connection that a worker has not taken yet. */
interface HandedOver {
  readonly handle: Handle;
  /** Who takes those of its listener. */
  readonly sharers: ReadonlySet<Worker>;
}

const CLUSTER = "NODE_CLUSTER";
const IS_DENO = "Deno" in globalThis;

/** How often is looked whether the channel of a dead worker has been read to its end, in milliseconds. */
const LOOK_MS = 10;
/** How many times. */
const LOOKS = 50;

/**
 * Notes the connections that a worker is handed until it has taken them. When the worker is dead and
 * all its answers are read, those that are left go to another worker of the same listener, or are
 * closed where there is none.
 *
 * @param shares Is told here what the worker takes.
 */
export function rescueHandedOver(worker: Worker, shares: ListenerShares<Worker>): void {
  const { process } = worker;
  const waiting = new Map<unknown, HandedOver>();
  const send = process.send as (this: unknown, ...args: unknown[]) => boolean;
  /** On Deno 2.9 a worker loses the connection that it gets before it has said that it listens. */
  let early: (() => void)[] | undefined = IS_DENO ? [] : undefined;
  worker.once("listening", () => {
    const sends = early ?? [];
    early = undefined;
    for (const send of sends) send();
  });
  process.send = function (this: unknown, ...args: unknown[]): boolean {
    const [message, handle] = args as [ClusterMessage | undefined, Handle | undefined];
    if (message?.cmd !== CLUSTER || message.key === undefined) return send.apply(this, args);
    // It was told that it listens.
    if (message.ack !== undefined && !message.errno) shares.join(message.key, worker);
    if (message.act === "newconn" && handle !== undefined) {
      waiting.set(message.seq, { handle, sharers: shares.of(message.key) });
      if (early !== undefined) {
        early.push(() => send.apply(process, args));
        return true;
      }
    }
    return send.apply(this, args);
  } as typeof process.send;
  // Before Node's own listener, for that closes connections that were taken.
  process.prependListener("internalMessage", (message: ClusterMessage) => {
    if (message?.cmd !== CLUSTER) return;
    if (message.act === "close" && message.key !== undefined) shares.leave(message.key, worker);
    const given = waiting.get(message.ack);
    if (given === undefined) return;
    waiting.delete(message.ack);
    if (message.accepted === false && given.sharers.size === 0) given.handle.close();
  });

  let isDisconnected = false;
  process.once("disconnect", () => {
    isDisconnected = true;
    shares.leaveAll(worker);
  });
  const sayDisconnected = (): void => {
    if (!isDisconnected) process.emit("disconnect");
  };
  // With a connection on its way Node says nothing of the end of the channel, and goes on to give the
  // worker others, which are lost: they are not even sent.
  const disconnect = process.disconnect;
  process.disconnect = function (): void {
    disconnect.call(process);
    nextTick(sayDisconnected);
  };
  const rescue = (looks: number): void => {
    // Answers may be read after the news of the end.
    if (process.connected && looks > 0) {
      setTimeout(() => rescue(looks - 1), LOOK_MS);
      return;
    }
    sayDisconnected();
    for (const seq of waiting.keys()) {
      process.emit("internalMessage", { cmd: CLUSTER, ack: seq, accepted: false });
    }
  };
  process.once("exit", () => void setImmediate(() => rescue(LOOKS)));
}
