/**
 * Side-by-side measurements: every contestant runs in processes of its own, in turns, several
 * rounds; compared are the medians of one run. (The same machine can be 1.8 times slower a moment
 * later: figures of different runs say nothing.)
 */

/** Names of measurements with their values, as one process printed them. */
export type Measured = Readonly<Record<string, number>>;

/** One side of a contest. */
export interface Contestant {
  /** Its name in the tables. */
  readonly name: string;
  /** Runs a fresh process and gives what it measured. */
  readonly run: () => Promise<Measured>;
}

/** What is compared, and what is expected of it. */
export interface Figure {
  /** What is measured, in words. */
  readonly what: string;
  /** Contestant and measurement of ours. */
  readonly ours: readonly [contestant: string, measurement: string];
  /** Contestant and measurement that ours is compared with; a figure without stands alone. */
  readonly other?: readonly [contestant: string, measurement: string];
  /**
   * The bar, where there is one: at least so many times faster or at most so many times slower than
   * the other, or at most so much.
   */
  readonly bar?: { readonly faster: number } | { readonly slower: number } | {
    readonly most: number;
  };
  /** The unit, where it is not the contest's. */
  readonly unit?: string;
}

/** A measurement to be held. */
export interface Contest {
  /** What it is about. */
  readonly title: string;
  /** The unit of the measurements. */
  readonly unit: string;
  /** How often every contestant runs. */
  readonly rounds: number;
  /** Who takes part. */
  readonly contestants: readonly Contestant[];
  /** What is compared. */
  readonly figures: readonly Figure[];
  /** What else there is to say. */
  readonly note?: string;
}

/** A contest made ready; disposing of it removes what it needed. */
export interface PreparedContest extends AsyncDisposable {
  /** The contest; undefined where something it needs is missing. */
  readonly contest: Contest | undefined;
  /** Why there is no contest. */
  readonly reason?: string;
}

/** A figure with its values. */
export interface Result {
  /** The figure. */
  readonly figure: Figure;
  /** Median of ours. */
  readonly ours: number;
  /** Median of the other; undefined when there is none. */
  readonly other: number | undefined;
  /** How many times faster ours is; below 1 when it is slower. */
  readonly ratio: number | undefined;
  /** Whether the bar is met; undefined when there is none. */
  readonly met: boolean | undefined;
}

/** Holds a contest: rounds in turns, then medians. */
export async function hold(contest: Contest): Promise<Result[]> {
  const values = new Map<string, number[]>();
  for (let round = 0; round < contest.rounds; round++) {
    // Every round starts with somebody else, so that nobody always runs on a warm or hot machine.
    for (let turn = 0; turn < contest.contestants.length; turn++) {
      const contestant = contest.contestants[(round + turn) % contest.contestants.length]!;
      for (const [name, value] of Object.entries(await contestant.run())) {
        const key = `${contestant.name} ${name}`;
        values.set(key, [...values.get(key) ?? [], value]);
      }
    }
  }
  return contest.figures.map((figure) => {
    const ours = median(values.get(figure.ours.join(" ")) ?? []);
    const other = figure.other && median(values.get(figure.other.join(" ")) ?? []);
    const ratio = other === undefined ? undefined : other / ours;
    return { figure, ours, other, ratio, met: isMet(figure, ours, ratio) };
  });
}

/** The middle value. @throws {Error} when there is none */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("Cannot take the median: there are no values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs a program to its end and reads the JSON object on the last line of its stdout. */
export async function measureWith(program: string, args: readonly string[]): Promise<Measured> {
  const { success, stdout } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure: ${program} ${args.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

function isMet({ bar }: Figure, ours: number, ratio = NaN): boolean | undefined {
  if (bar === undefined) return undefined;
  if ("most" in bar) return ours <= bar.most;
  return "faster" in bar ? ratio >= bar.faster : 1 / ratio <= bar.slower;
}

/** The results as a Markdown table. */
export function resultTable(contest: Contest, results: readonly Result[]): string {
  const rows = results.map(({ figure, ours, other, ratio, met }) => {
    const unit = figure.unit ?? contest.unit;
    return [
      figure.what,
      `${ours.toPrecision(3)} ${unit}`,
      other === undefined ? "" : `${other.toPrecision(3)} ${unit} (${figure.other?.[0]})`,
      ratio === undefined ? "" : ratioText(ratio),
      barText(figure, unit),
      met === undefined ? "" : met ? "met" : "MISSED",
    ];
  });
  const head = ["", "ours", "compared with", "ratio", "bar", ""];
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function ratioText(ratio: number): string {
  return ratio >= 1 ? `${ratio.toPrecision(3)} x faster` : `${(1 / ratio).toPrecision(3)} x slower`;
}

function barText({ bar }: Figure, unit: string): string {
  if (bar === undefined) return "";
  if ("most" in bar) return `<= ${bar.most} ${unit}`;
  return "faster" in bar
    ? `>= ${bar.faster} x faster`
    : `<= ${Number(bar.slower.toPrecision(3))} x slower`;
}
