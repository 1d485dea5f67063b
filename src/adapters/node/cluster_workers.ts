/**
 * The workers of a primary: processes that `node:cluster` forks.
 *
 * @module
 */
import cluster, { type ClusterSettings, type Worker } from "node:cluster";
import type { Socket } from "node:net";
import process from "node:process";
import type { Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { workerId } from "../../master/master.ts";
import type { WorkerEvents, WorkerExit } from "../../master/primitives.ts";
import { type HeapWatch, watchHeap } from "../service/heap_watch.ts";
import { createLineRelay, type LineRelay } from "../service/line_relay.ts";
import { watchOomKills } from "../service/oom_kills.ts";
import { processEnded } from "../service/process_end.ts";
import { sendSignal } from "../service/send_signal.ts";
import type { Workers, WorkersContext } from "../service/service.ts";
import { saidByWorker, type ToWorker, type WorkerTask } from "../service/worker_protocol.ts";
import { hear, ownTask, sharedTask } from "../service/worker_task.ts";
import { placeVariables } from "../storage/place.ts";
import { errorText } from "../../storage/filesystem/file_errors.ts";
import { rescueHandedOver } from "./handed_over.ts";
import { createListenerShares } from "./listener_shares.ts";
import { briefVariables } from "./worker_brief.ts";

/** What workers are given beside the settings. */
export interface ClusterWorkersOptions extends WorkersContext {
  /** Where events go. */
  readonly log: Log;
  /** What `cluster.setupPrimary` takes. */
  readonly cluster: ClusterSettings;
}

/** What signal a worker hears that ends with the service. */
const STOP_SIGNAL = "SIGTERM";

/** Makes what starts workers. */
export function createClusterWorkers(config: Config, options: ClusterWorkersOptions): Workers {
  const { log, storage } = options;
  const shared = sharedTask(config, storage);
  const oomKills = watchOomKills();
  const before = cluster.settings;
  const settings = { ...before, ...options.cluster };
  // What a worker prints before it aborts is the only sign that its heap was full.
  const isOurs = settings.stdio === undefined && settings.silent !== true;
  const stderr = createLineRelay({ write: writeToStderr });
  const shares = createListenerShares<Worker>();
  cluster.setupPrimary({
    ...options.cluster,
    ...isOurs && { stdio: ["ignore", "inherit", "pipe", "ipc"] },
  });

  function start(slot: number, events: WorkerEvents, incarnation: string) {
    const task: WorkerTask = {
      ...shared,
      ...ownTask(config, { slot, incarnation, showsProcess: true }),
    };
    const worker = cluster.fork({
      ...placeVariables(storage.place),
      ...briefVariables({ ...task, timestamps: storage.storesTimestamps }),
    });
    rescueHandedOver(worker, shares);
    const { heap, output } = follow(worker, isOurs ? stderr : undefined, log);
    let greeted = false;
    let running = false;
    let killed = false;
    const tell = (message: ToWorker<WorkerTask>): void => {
      // Whether it died before is noticed by its end.
      if (worker.isConnected()) worker.process.send(message, () => {});
    };
    const signal = (signal: NodeJS.Signals): void => {
      const { pid, exitCode, signalCode } = worker.process;
      if (pid === undefined || exitCode !== null || signalCode !== null) return;
      // `kill()` of a child process of Deno 2.9 sends one signal at most.
      sendSignal(pid, signal);
    };
    worker.on("message", (message: unknown) => {
      // Whatever it says, its event loop turns.
      events.beat();
      const said = saidByWorker(message);
      if (said === undefined) return;
      if (said["@gpe/cli"] === "hello") {
        greeted = true;
        tell({ "@gpe/cli": "start", start: task });
      }
      running ||= said["@gpe/cli"] === "running";
      hear(said, slot, events, options);
    });
    // The process's own events tell what there is to tell.
    worker.on("error", () => {});
    const failed = (message: string): void => events.failed({ message, permanent: false });
    return {
      pid: worker.process.pid,
      ended: processEnded(worker.process, output, failed).then((exit): WorkerExit => {
        const outOfMemory = exit.signal === "SIGKILL"
          ? !killed && oomKills.claim()
          : exit.signal !== null && heap.isExhausted();
        letGo(worker);
        return { ...exit, outOfMemory };
      }),
      stop(kind: "stop" | "drain") {
        // Who has not said a word yet has nothing to bring in order.
        if (kind === "stop" || !greeted) signal(STOP_SIGNAL);
        else tell({ "@gpe/cli": "drain" });
      },
      kill() {
        killed = true;
        if (!running) failed(describeSilence(slot, greeted));
        signal("SIGKILL");
      },
      reopenLogs: () => tell({ "@gpe/cli": "reopen" }),
    };
  }

  return {
    spawn(slot, events, incarnation) {
      try {
        return start(slot, events, incarnation);
      } catch (error) {
        events.failed({
          message: `Cannot start a worker process: ${errorText(error)}`,
          permanent: false,
        });
        return NEVER_STARTED;
      }
    },
    // Each worker is a process: it shares nothing anyway, and the master waits for its end.
    renew() {},
    [Symbol.asyncDispose]() {
      // Nobody reads what other workers print.
      (cluster as { settings: ClusterSettings }).settings = before;
      return Promise.resolve();
    },
  };
}

const NEVER_STARTED = {
  pid: undefined,
  ended: Promise.resolve<WorkerExit>({ code: 127, signal: null }),
  stop() {},
  kill() {},
  reopenLogs() {},
};

/** Why a worker is taken for one that did not start. */
function describeSilence(slot: number, greeted: boolean): string {
  return greeted
    ? `Cannot run ${workerId(slot)}: it does not listen, expected a server of node:http or ` +
      "node:https, or ready()"
    : `Cannot run ${workerId(slot)}: it has not called startWorker(), expected that soon after ` +
      "its start";
}

/** A program that the worker has started may hold its standard error open: none keeps the primary. */
function letGo(worker: Worker): void {
  (worker.process.stderr as Partial<Socket> | null)?.unref?.();
}

/** Passes on what a worker prints to its standard error, where that is ours to read. */
function follow(
  worker: Worker,
  relay: LineRelay | undefined,
  log: Log,
): { readonly heap: Pick<HeapWatch, "isExhausted">; readonly output: Promise<unknown> } {
  const { stderr } = worker.process;
  if (relay === undefined || stderr === null) {
    return { heap: { isExhausted: () => false }, output: Promise.resolve() };
  }
  const heap = watchHeap(stderr);
  const output = relay.follow(heap.stream).catch((error) =>
    log.warn("Cannot read the output of a worker", { error })
  );
  return { heap, output };
}

function writeToStderr(bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    process.stderr.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
  });
}
