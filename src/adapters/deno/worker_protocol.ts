/**
 * What a master and its worker processes tell each other over the IPC channel. The application
 * may use the channel too (`process.send`), so every message of ours carries a mark.
 *
 * @module
 */
import type { AccessLogConfig, BindAddress } from "../../config/config.ts";
import type { LogLevel } from "../../core/log.ts";
import type { BootFailure } from "../../master/primitives.ts";
import type { StoragePlace } from "../storage/storage.ts";
import type { Certificate } from "../http/certificate.ts";

/**
 * What tells a worker to end while others serve on. A signal, as SIGTERM is for the end with the
 * service: those pass by an application that keeps the channel busy.
 */
export const DRAIN_SIGNAL = "SIGUSR2";

/**
 * What tells a worker to open its log files anew. Not SIGUSR1, at which the runtime opens a
 * debugger port; without a listener, in a worker that just starts, this one does nothing.
 */
export const REOPEN_SIGNAL = "SIGWINCH";

/** What a worker has to know: the first message it gets. */
export interface WorkerStart {
  /** The worker's name: what the label `worker_id` shows. */
  readonly workerId: string;
  /** The application's module. */
  readonly app: string;
  /** Where the application listens; never port 0. */
  readonly bind: BindAddress;
  /** Where its metrics are stored. */
  readonly storage: StoragePlace;
  /** What the storage is to call it: never the same again. */
  readonly incarnation: string;
  /** What the names of the worker metrics begin with. */
  readonly metricPrefix: string;
  /** Whether sizes have the label `endpoint`. */
  readonly sizesByEndpoint: boolean;
  /** What the application's server shows its clients; without it there is no TLS. */
  readonly certificate?: Certificate;
  /** How long an idle connection is kept, in milliseconds, where the server can say that. */
  readonly keepAliveMs?: number;
  /** Where the access log goes; without it there is none. */
  readonly accessLog?: AccessLogConfig;
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
export type ToWorker = { readonly "@gpe/cli": "start"; readonly start: WorkerStart };

/** A message from a worker to its master. */
export type FromWorker =
  | { readonly "@gpe/cli": "running" | "beat" | "worn" }
  | { readonly "@gpe/cli": "failed"; readonly failure: BootFailure }
  | {
    readonly "@gpe/cli": "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields?: Readonly<Record<string, unknown>>;
    /** Whether all workers say the same, so that once is enough. */
    readonly shared?: true;
  };

/** Whether a message is one of ours; an application's own are left alone. */
export function isProtocolMessage(message: unknown): message is ToWorker | FromWorker {
  return typeof message === "object" && message !== null && "@gpe/cli" in message;
}
