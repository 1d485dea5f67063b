/**
 * What the package needs of the runtime it is in. One literal object for each runtime there is.
 *
 * @module
 */
import type { FilePrimitives } from "../storage/filesystem/primitives.ts";
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
}
