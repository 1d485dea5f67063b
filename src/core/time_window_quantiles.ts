/**
 * Quantiles over a sliding window of time: a ring of digests, the oldest of which is read.
 *
 * @module
 */
import { TDigest } from "./t_digest.ts";

/** Quantiles of what was pushed during the last `maxAgeSeconds`, or ever. */
export class TimeWindowQuantiles {
  private readonly ring: TDigest[];
  private readonly rotationMs: number;
  private current = 0;
  private rotatedAtMs: number;

  /**
   * @param maxAgeSeconds The window; without it nothing is ever forgotten.
   * @param ageBuckets In how many steps the window moves.
   */
  constructor(maxAgeSeconds: number | undefined, ageBuckets: number | undefined) {
    // One digest in all places, as in prom-client: they part when the ring turns. Its page under a
    // faked clock depends on it.
    this.ring = new Array<TDigest>(ageBuckets || 1).fill(new TDigest());
    this.rotationMs = maxAgeSeconds && ageBuckets ? (maxAgeSeconds * 1000) / ageBuckets : Infinity;
    this.rotatedAtMs = Date.now();
  }

  /** The size of the digest that is read now; 0 when the window holds nothing. */
  get size(): number {
    return this.rotate().size;
  }

  /**
   * The quantile of the window.
   *
   * @param share 0 to 1.
   * @returns The value, `undefined` when the window holds nothing.
   */
  percentile(share: number): number | undefined {
    return this.rotate().percentile(share);
  }

  /**
   * Adds a number to every step of the window.
   *
   * @param value A finite number.
   */
  push(value: number): void {
    this.rotate();
    for (const digest of this.ring) digest.push(value);
  }

  /** Forgets every number. */
  reset(): void {
    for (const digest of this.ring) digest.reset();
  }

  /** Compresses every digest. */
  compress(): void {
    for (const digest of this.ring) digest.compress();
  }

  private rotate(): TDigest {
    let elapsedMs = Date.now() - this.rotatedAtMs;
    while (elapsedMs > this.rotationMs) {
      this.ring[this.current] = new TDigest();
      this.current = (this.current + 1) % this.ring.length;
      elapsedMs -= this.rotationMs;
      this.rotatedAtMs += this.rotationMs;
    }
    return this.ring[this.current]!;
  }
}
