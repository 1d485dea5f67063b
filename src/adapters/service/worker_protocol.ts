/**
 * What a master and its workers tell each other. The application may use the channel too
 * (`process.send`), so every message of ours carries a mark.
 *
 * @module
 */
import type { LogLevel } from "../../core/log.ts";
import type { BootFailure } from "../../master/primitives.ts";
import type { StoragePlace } from "../storage/storage.ts";

/** What a worker has to know, whatever it runs. */
export interface WorkerTask {
  /** The worker's name: what the label `worker_id` shows. */
  readonly workerId: string;
  /** Where its metrics are stored. */
  readonly storage: StoragePlace;
  /** What the storage is to call it: never the same again. */
  readonly incarnation: string;
  /** What the names of the worker metrics begin with. */
  readonly metricPrefix: string;
  /** Whether sizes have the label `endpoint`. */
  readonly sizesByEndpoint: boolean;
  /** How long an idle connection is kept, in milliseconds, where the server can say that. */
  readonly keepAliveMs?: number;
  /** How long the worker may take to end, in milliseconds. */
  readonly gracefulTimeoutMs: number;
  /** How often the worker says that its event loop turns, in milliseconds; 0: never. */
  readonly beatPeriodMs: number;
  /** After how many requests the worker asks for another in its place; 0: never. */
  readonly maxRequests: number;
  /** The master's process. */
  readonly masterPid: number;
  /** Whether the worker shows memory and processor time of its process: of several threads one. */
  readonly showsProcess: boolean;
}

/** A message from the master to a worker. */
export type ToWorker<Task extends WorkerTask> =
  | { readonly "@gpe/cli": "start"; readonly start: Task }
  | { readonly "@gpe/cli": "drain" | "reopen" };

/** A message from a worker to its master. */
export type FromWorker =
  | { readonly "@gpe/cli": "hello" | "running" | "beat" | "worn" }
  | { readonly "@gpe/cli": "failed"; readonly failure: BootFailure }
  | {
    readonly "@gpe/cli": "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields?: Readonly<Record<string, unknown>>;
    /** Whether all workers say the same, so that once is enough. */
    readonly shared?: true;
  };

const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(["debug", "info", "warn", "error"]);

/**
 * What a worker said, where it can be understood. The application may send what it likes, and a
 * worker may have another version of this module: neither may end the master.
 */
export function saidByWorker(message: unknown): FromWorker | undefined {
  if (!isProtocolMessage(message)) return undefined;
  const said = message as FromWorker;
  switch (said["@gpe/cli"]) {
    case "log": {
      const { level, message, fields = {} } = said;
      const isFields = typeof fields === "object" && fields !== null;
      return LEVELS.has(level) && typeof message === "string" && isFields ? said : undefined;
    }
    case "failed":
      return typeof said.failure?.message === "string" ? said : undefined;
    default:
      return said;
  }
}

/** Whether a message is one of ours; an application's own are left alone. */
export function isProtocolMessage(
  message: unknown,
): message is ToWorker<WorkerTask> | FromWorker {
  return typeof message === "object" && message !== null && "@gpe/cli" in message;
}
