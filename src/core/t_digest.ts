/**
 * A t-digest: quantiles of a stream of numbers from a bounded number of weighted means (Dunning and
 * Ertl, "Computing extremely accurate quantiles using t-digests"). Digits and random draws are those
 * of the npm package `tdigest` 0.1, which prom-client's summaries use, so that both print the same.
 *
 * @module
 */

/** The largest share of all weight that one mean may hold, at the median. */
const DELTA = 0.01;
/** More means than this are compressed: `25 / DELTA`. */
const MAX_CENTROIDS = 2500;
/** Ranks are computed anew when the weight has grown by this factor; until then they are estimates. */
const RANK_GROWTH = 1.1;

interface Centroid {
  mean: number;
  weight: number;
  /** The weight up to the middle of this one; NaN until the ranks are computed again. */
  rank: number;
}

/** Quantiles of the numbers pushed so far. */
export class TDigest {
  /** Sorted by mean. */
  private centroids: Centroid[] = [];
  private weight = 0;
  private rankedWeight = 0;
  private compressing = false;

  /** How many means are held; 0 when nothing was pushed. */
  get size(): number {
    return this.centroids.length;
  }

  /** Forgets everything. */
  reset(): void {
    this.centroids = [];
    this.weight = 0;
    this.rankedWeight = 0;
  }

  /**
   * Adds a number.
   *
   * @param value A finite number.
   */
  push(value: number): void {
    this.add(value, 1);
  }

  /**
   * The value below which a share of all numbers lies, interpolated.
   *
   * @param share The share, 0 to 1.
   * @returns The value, `undefined` when nothing was pushed.
   */
  percentile(share: number): number | undefined {
    const all = this.centroids;
    if (all.length === 0) return undefined;
    this.computeRanks();
    const wanted = this.weight * share;
    const next = this.firstWhere((centroid) => centroid.rank > wanted);
    const lower = all[next - 1];
    const upper = all[next];
    if (lower === undefined) return upper!.mean;
    if (upper === undefined || lower.rank === wanted) return lower.mean;
    return lower.mean +
      (wanted - lower.rank) * (upper.mean - lower.mean) / (upper.rank - lower.rank);
  }

  /** Adds all means again in random order, which merges what a sorted stream left apart. */
  compress(): void {
    if (this.compressing) return;
    const rest = this.centroids;
    this.reset();
    this.compressing = true;
    while (rest.length > 0) {
      const [one] = rest.splice(Math.floor(Math.random() * rest.length), 1);
      this.add(one!.mean, one!.weight);
    }
    this.computeRanks();
    this.compressing = false;
  }

  private add(value: number, weight: number): void {
    const at = this.firstWhere((centroid) => centroid.mean >= value);
    const nearest = this.nearest(at, value);
    const centroid = this.centroids[nearest];
    if (centroid !== undefined && (centroid.mean === value || this.hasRoom(nearest, weight))) {
      if (centroid.mean !== value) {
        centroid.mean += weight * (value - centroid.mean) / (centroid.weight + weight);
      }
      centroid.rank += weight / 2;
      centroid.weight += weight;
    } else {
      this.centroids.splice(at, 0, { mean: value, weight, rank: NaN });
    }
    this.weight += weight;
    if (this.weight / this.rankedWeight >= RANK_GROWTH) this.computeRanks();
    if (this.centroids.length > MAX_CENTROIDS) this.compress();
  }

  /** The place of the mean next to `value`, when `at` is the first one not below it. */
  private nearest(at: number, value: number): number {
    const above = this.centroids[at];
    const below = this.centroids[at - 1];
    if (above === undefined) return at - 1;
    if (below === undefined || above.mean === value) return at;
    return Math.abs(below.mean - value) < Math.abs(above.mean - value) ? at - 1 : at;
  }

  /** Whether a mean may take more weight; the outermost never do, so that they stay exact. */
  private hasRoom(index: number, weight: number): boolean {
    if (index === 0 || index === this.centroids.length - 1) return false;
    const centroid = this.centroids[index]!;
    const share = centroid.rank / this.weight;
    return Math.floor(4 * this.weight * DELTA * share * (1 - share)) - centroid.weight >= weight;
  }

  private computeRanks(): void {
    if (this.weight === this.rankedWeight) return;
    let total = 0;
    for (const centroid of this.centroids) {
      centroid.rank = total + centroid.weight / 2;
      total += centroid.weight;
    }
    this.weight = total;
    this.rankedWeight = total;
  }

  /** The first place for which a condition holds that, once true, stays true. */
  private firstWhere(condition: (centroid: Centroid) => boolean): number {
    let low = 0;
    let high = this.centroids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (condition(this.centroids[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
