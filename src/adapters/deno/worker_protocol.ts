/**
 * What a master tells its worker processes beside what every master does.
 *
 * @module
 */
import type { AccessLogConfig, BindAddress } from "../../config/config.ts";
import type { Certificate } from "../http/certificate.ts";
import type { WorkerTask } from "../service/worker_protocol.ts";

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
export interface WorkerStart extends WorkerTask {
  /** The application's module. */
  readonly app: string;
  /** Where the application listens; never port 0. */
  readonly bind: BindAddress;
  /** What the application's server shows its clients; without it there is no TLS. */
  readonly certificate?: Certificate;
  /** Where the access log goes; without it there is none. */
  readonly accessLog?: AccessLogConfig;
}
