/**
 * Starts workers that are threads, in processes of their own: the thread hosts.
 *
 * There is one host as a rule. A reload begins another one, which also sees what no thread could,
 * such as other memory limits of the system; and a thread that hangs, which nobody can end, makes
 * its host be replaced as a whole.
 *
 * @module
 */
import type { WorkerEvents, WorkerExit, WorkerHandle } from "../../master/primitives.ts";
import { workerId } from "../../master/master.ts";
import { isProtocolMessage } from "../service/worker_protocol.ts";
import { hear } from "../service/worker_task.ts";
import type { Workers } from "../service/service.ts";
import { type SpawnWorkerOptions, startMessage } from "./spawn_worker.ts";
import type { FromHost, ToThread } from "./thread_protocol.ts";
import { createStartProcess, type WorkerProcess } from "./worker_process.ts";

/** A thread whose event loop turns ends within this time when it is told to, in milliseconds. */
const STUCK_MS = 500;

/** The slot whose worker shows what belongs to the process, as one has to do. */
const SHOWING_SLOT = 1;

interface Thread {
  readonly slot: number;
  readonly events: WorkerEvents;
  readonly end: (exit: WorkerExit) => void;
}

interface Host {
  readonly process: WorkerProcess;
  readonly threads: Map<number, Thread>;
  /** Whether one of its threads hangs. */
  stuck: boolean;
}

/**
 * Makes what starts threads, and hosts where they are needed. Disposing of it ends every host.
 */
export function createThreadSpawner(options: SpawnWorkerOptions): Workers {
  const { log } = options;
  const startProcess = createStartProcess({
    ...options,
    logFormat: options.config.logFormat,
    app: options.start.app,
    isHost: true,
    preload: import.meta.resolve("./thread_host.ts"),
  });
  const hosts = new Set<Host>();
  /** Where threads are started. */
  let current: Host | undefined;
  let lastThread = 0;

  function startHost(): Host {
    const threads = new Map<number, Thread>();
    const process = startProcess("threads", {
      message(message) {
        if (isProtocolMessage(message)) listen(host, message as unknown as FromHost);
      },
      failed(message) {
        for (const { events } of threads.values()) events.failed({ message, permanent: false });
      },
    });
    const host: Host = { process, threads, stuck: false };
    hosts.add(host);
    void process.ended.then((exit) => {
      hosts.delete(host);
      if (current === host) current = undefined;
      for (const thread of [...threads.keys()]) endThread(host, thread, exit);
    });
    return host;
  }

  function listen(host: Host, said: FromHost): void {
    if (said["@gpe/cli"] === "leaving") return leave(host);
    const { thread: number, message } = said;
    const thread = host.threads.get(number);
    if (thread === undefined) return;
    const { slot, events } = thread;
    if (message["@gpe/cli"] === "ended") {
      return endThread(host, number, { code: message.code, signal: null });
    }
    events.beat();
    hear(message, slot, events, options);
    // It was starting when the others were told.
    if (message["@gpe/cli"] === "running" && host.stuck) events.worn("timeout");
  }

  function endThread(host: Host, number: number, exit: WorkerExit): void {
    const thread = host.threads.get(number);
    host.threads.delete(number);
    thread?.end(exit);
    endIfLeft(host);
  }

  /** Starts no more threads in the host. */
  function leave(host: Host): void {
    if (current === host) current = undefined;
    endIfLeft(host);
  }

  /** What its threads had to bring in order is in order: they have ended. */
  function endIfLeft(host: Host): void {
    if (host !== current && host.threads.size === 0) host.process.kill();
  }

  function giveUp(host: Host, number: number): void {
    const thread = host.threads.get(number);
    if (thread === undefined) return;
    log.warn(`${workerId(thread.slot)} cannot be ended alone, replacing its whole process`, {
      pid: host.process.pid,
    });
    host.stuck = true;
    if (current === host) current = undefined;
    endThread(host, number, { code: null, signal: "SIGKILL" });
    for (const { events } of [...host.threads.values()]) events.worn("timeout");
  }

  function spawn(slot: number, events: WorkerEvents, incarnation: string): WorkerHandle {
    const host = current ??= startHost();
    const number = ++lastThread;
    const { promise: ended, resolve } = Promise.withResolvers<WorkerExit>();
    const tell = (message: ToThread): void =>
      host.process.send({ "@gpe/cli": "thread", thread: number, message });
    let stuck: ReturnType<typeof setTimeout> | undefined;
    host.threads.set(number, {
      slot,
      events,
      end(exit) {
        clearTimeout(stuck);
        resolve(exit);
      },
    });
    tell(startMessage(options, { slot, incarnation, showsProcess: slot === SHOWING_SLOT }));
    return {
      pid: host.process.pid,
      ended,
      stop: (kind) => tell({ "@gpe/cli": kind }),
      kill() {
        tell({ "@gpe/cli": "exit" });
        stuck ??= setTimeout(() => giveUp(host, number), STUCK_MS);
      },
      reopenLogs: () => tell({ "@gpe/cli": "reopen" }),
    };
  }

  return {
    spawn,
    renew() {
      if (current !== undefined) leave(current);
    },
    async [Symbol.asyncDispose]() {
      const ended = [...hosts].map(({ process }) => process.ended);
      for (const { process } of hosts) process.kill();
      await Promise.all(ended);
    },
  };
}
