/**
 * What the package needs of the runtime it is in. One literal object for each runtime there is.
 *
 * @module
 */
import type { FilePrimitives } from "../storage/filesystem/primitives.ts";
import type { MetricsHostOptions, MetricsServer } from "./metrics_host.ts";
import type { SamplerPrimitives } from "../worker/sampler.ts";

/** A runtime. */
export interface Runtime {
  /** Its name and version, such as `"deno 2.9.6"`. */
  readonly name: string;
  /** Clock, memory, processor time and timers. They need no permission. */
  readonly sampler: SamplerPrimitives;
  /** What the filesystem driver needs. */
  readonly files: FilePrimitives;
  /** An environment variable; `undefined` when it is not set or may not be read. Never asks. */
  env(name: string): string | undefined;
  /** The name of this machine; `"unknown"` when it may not be asked for. */
  hostname(): string;
  /**
   * Calls back, synchronously, when the process, isolate or thread ends without closing anything,
   * where the runtime tells that. The result forgets it.
   */
  atExit(callback: () => void): () => void;
  /**
   * Calls back, once, when nothing is left that keeps the process, isolate or thread alive; it goes on
   * until the result has settled, for half a second at most. The result of this forgets the callback,
   * which must not reject.
   */
  beforeExit(callback: () => PromiseLike<unknown>): () => void;
  /**
   * Hosts the metrics endpoint, without keeping the process alive.
   *
   * @throws {Error} One line that says why the address cannot be listened on; its cause has the code
   * `EADDRINUSE` when somebody else does.
   */
  host(options: MetricsHostOptions): Promise<MetricsServer>;
}
