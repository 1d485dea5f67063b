/**
 * Which entry of which source belongs to which series, and which writer is right when they disagree.
 * Keys are parsed when they appear; everything else is made anew only when the set of sources
 * or the liveness of one changes.
 *
 * @module
 */
import { claimedNames, compareFamilies } from "./family.ts";
import { FamilyState, type SeriesState } from "./family_state.ts";
import { addsPidLabel, type GaugeMode, isLiveMode } from "./modes.ts";
import { parseSample, type Sample } from "./sample.ts";
import type { MetricKind, ReadProblem, SampleSource, Snapshot } from "./storage.ts";

/** A disagreement between writers about a name. */
export interface Conflict {
  /** The metric. */
  readonly name: string;
  /** One line: who says what, and what is printed. */
  readonly message: string;
}

/** Longest part of a hostile key that is shown. */
const SHOWN_KEY_LENGTH = 80;

/** What is derived from one source. */
export interface Plan {
  readonly source: SampleSource;
  /** The storage it is in, where several are read. */
  readonly storage: string | undefined;
  /** The source's revision when the plan was made. */
  readonly revision: number;
  /** Whether it takes part: dead writers do not in live modes, and `omit` never does. */
  readonly active: boolean;
  /** The series of each entry; undefined where the entry cannot be used. */
  readonly series: (SeriesState | undefined)[];
  /** The place of each entry's sum, -1 for none; may be longer than `series`. */
  targets: Int32Array;
  /** How many entries have their place in this generation. */
  placed: number;
  /** What is wrong with the first entry that cannot be used, and how many there are. */
  problem: string;
  problemCount: number;
}

/** What a key means. */
interface Bound {
  readonly sample: Sample;
  readonly family: FamilyState;
  /** Its series, unless each writer has one of its own. */
  series: SeriesState | undefined;
}

/** The table of all series. */
export class AggregationTable {
  /** One for each source, in the order of the snapshot. */
  plans: readonly Plan[] = [];
  /** How many sums the entries add up to. */
  length = 0;
  /** The families to print, ordered by name. */
  families: readonly FamilyState[] = [];
  /** The disagreements of the present writers. */
  conflicts: readonly Conflict[] = [];
  /** How many different disagreements there were. */
  conflictCount = 0;
  /** Entries that cannot be used, one line for each source. */
  problems: readonly ReadProblem[] = [];
  #generation = 0;
  readonly #families = new Map<string, FamilyState>();
  /** Who has a name first keeps it, so that a page does not change its mind from scrape to scrape. */
  readonly #claims = new Map<string, FamilyState>();
  /** What keys mean, by kind and mode: writers of one program share most of them. */
  readonly #keys = new Map<string, Map<string, Bound | string>>();

  /** Brings the table up to date with the sources. */
  update({ sources, storages }: Snapshot): void {
    const same = sources.length === this.plans.length &&
      this.plans.every((plan, i) => isCurrent(plan, sources[i] as SampleSource));
    if (same && this.plans.every((plan) => plan.placed === entryCount(plan))) return;
    const lost = same ? [] : this.#replacePlans(sources, storages);
    for (const plan of byPrecedence(this.plans)) this.#place(plan);
    if (!same) this.#forget(lost);
    const present = [...this.#families.values()].filter((f) => f.generation === this.#generation);
    this.families = present.filter((f) => f.rejected === undefined).sort(compareFamilies);
    this.conflicts = present.flatMap(conflictsOf);
    this.problems = this.plans.filter((plan) => plan.problemCount > 0).map(problemOf);
  }

  /** Begins a new generation. @returns the plans of sources that are gone */
  #replacePlans(
    sources: readonly SampleSource[],
    storages: Snapshot["storages"],
  ): readonly Plan[] {
    const before = new Map(this.plans.map((plan) => [plan.source, plan]));
    this.#generation++;
    this.length = 0;
    this.plans = sources.map((source) => {
      const plan = before.get(source);
      if (plan === undefined || !isCurrent(plan, source)) {
        return makePlan(source, storages?.get(source));
      }
      before.delete(source);
      plan.placed = 0;
      return plan;
    });
    // Cost follows what is there, not what was: the keys of sources that are gone are forgotten.
    if (before.size > 0) this.#keys.clear();
    return [...before.values()];
  }

  /** Gives all entries of a plan that have no place yet their place. */
  #place(plan: Plan): void {
    const count = entryCount(plan);
    if (count > plan.targets.length) {
      const larger = new Int32Array(count * 2);
      larger.set(plan.targets);
      plan.targets = larger;
    }
    const { series, source, targets } = plan;
    for (let i = plan.placed; i < count; i++) {
      if (i === series.length) series.push(this.#bind(plan, source.keys[i] as string));
      const state = series[i];
      targets[i] = state === undefined ? -1 : this.#indexOf(state);
    }
    plan.placed = count;
  }

  #indexOf(series: SeriesState): number {
    const { family } = series;
    if (series.generation !== this.#generation) {
      if (family.generation !== this.#generation) family.begin(this.#generation);
      series.generation = this.#generation;
      series.entries = 0;
      series.index = family.rejected === undefined ? this.length++ : -1;
      family.place(series);
    }
    series.entries++;
    return series.index;
  }

  /** The series of a key, if it can be used. */
  #bind(plan: Plan, key: string): SeriesState | undefined {
    const { mode, writer } = plan.source;
    const bound = this.#boundOf(plan.source, key);
    if (typeof bound === "string") {
      if (plan.problemCount++ === 0) plan.problem = `Entry ${shown(key)} ${bound}`;
      return undefined;
    }
    const { family, sample } = bound;
    if (mode !== undefined && addsPidLabel(mode)) return family.seriesOf(sample, writer);
    return bound.series ??= family.seriesOf(sample, undefined);
  }

  #boundOf(source: SampleSource, key: string): Bound | string {
    const { kind, mode } = source;
    const type = typeText(kind, mode);
    let known = this.#keys.get(type);
    if (known === undefined) this.#keys.set(type, known = new Map());
    let bound = known.get(key);
    if (bound === undefined) {
      const sample = parseSample(kind, mode, key);
      bound = typeof sample === "string"
        ? sample
        : { sample, family: this.#familyOf(source, sample), series: undefined };
      known.set(key, bound);
    }
    return bound;
  }

  #familyOf(source: SampleSource, sample: Sample): FamilyState {
    const { kind, mode } = source;
    const name = kind === "counter" ? sample.name : sample.family;
    const id = `${typeText(kind, mode)} ${name}`;
    let family = this.#families.get(id);
    if (family === undefined) {
      const names = claimedNames(kind, name);
      const owner = names.map((claim) => this.#claims.get(claim)).find((f) => f !== undefined);
      family = new FamilyState(kind, mode, sample, name, owner && rejection(source, name, owner));
      this.#families.set(id, family);
      if (owner !== undefined) this.conflictCount++;
      else for (const claim of names) this.#claims.set(claim, family);
    } else if (family.help !== sample.help && !family.helpConflict) {
      family.helpConflict = true;
      this.conflictCount++;
    }
    return family;
  }

  /** Forgets series without entries, and the floors of totals whose sources are gone for good. */
  #forget(lost: readonly Plan[]): void {
    const retired = new Map<string | undefined, ReadonlyMap<unknown, number>>();
    for (const { series: all, source, storage } of lost) {
      let since = retired.get(storage);
      if (since === undefined) retired.set(storage, since = this.#retiredSince(storage));
      for (const series of all) {
        // An accumulator may have taken over what the source held: then that total goes on. One whose first
        // writer started later cannot have: it is of another run, in a storage that was emptied.
        const goesOn = (since.get(series) ?? NaN) <= source.startTime;
        if (series === undefined || goesOn) continue;
        series.floor = -Infinity;
        if (series.histogram !== undefined) series.histogram.infinite.floor = -Infinity;
      }
    }
    for (const family of this.#families.values()) family.prune(this.#generation);
  }

  /** When the first of the writers started that are in an accumulator of a storage, by series. */
  #retiredSince(storage: string | undefined): ReadonlyMap<unknown, number> {
    const since = new Map<unknown, number>();
    for (const { series: all, source, storage: own } of this.plans) {
      if (!source.accumulator || own !== storage) continue;
      for (const series of all) since.set(series, source.startTime);
    }
    return since;
  }
}

function makePlan(source: SampleSource, storage: string | undefined): Plan {
  return {
    source,
    storage,
    revision: source.revision,
    active: takesPart(source),
    series: [],
    targets: new Int32Array(0),
    placed: 0,
    problem: "",
    problemCount: 0,
  };
}

function takesPart({ mode, liveness }: SampleSource): boolean {
  return mode === undefined || mode !== "omit" && !(liveness === "dead" && isLiveMode(mode));
}

/** Whether the plan still describes the source, apart from entries that are new. */
function isCurrent(plan: Plan, source: SampleSource): boolean {
  return plan.source === source && plan.revision === source.revision &&
    plan.active === takesPart(source) && plan.series.length <= source.keys.length;
}

function entryCount(plan: Plan): number {
  return plan.active ? plan.source.keys.length : 0;
}

/** Who is right comes first: accumulators, then the earliest writer, then the order of names. */
function byPrecedence(plans: readonly Plan[]): Plan[] {
  return [...plans].sort(({ source: a }, { source: b }) => {
    if (a.accumulator !== b.accumulator) return a.accumulator ? -1 : 1;
    return a.startTime === b.startTime ? 0 : a.startTime < b.startTime ? -1 : 1;
  });
}

function typeText(kind: MetricKind, mode: GaugeMode | undefined): string {
  return mode === undefined ? kind : `${kind} (${mode})`;
}

/** Why a family is left out: another one has its name, or one of its sample names. */
function rejection({ kind, mode, writer }: SampleSource, name: string, owner: FamilyState): string {
  return `Left out ${typeText(kind, mode)} ${JSON.stringify(name)} of writer ` +
    `${JSON.stringify(writer)}: ${typeText(owner.kind, owner.mode)} ` +
    `${JSON.stringify(owner.claimedName)} was there first`;
}

function shown(key: string): string {
  const cut = key.length > SHOWN_KEY_LENGTH;
  return JSON.stringify(cut ? `${key.slice(0, SHOWN_KEY_LENGTH)}…` : key);
}

function problemOf({ source, problem, problemCount }: Plan): ReadProblem {
  const more = problemCount === 1 ? "" : ` (and ${problemCount - 1} more)`;
  return { source: source.name, message: problem + more };
}

function conflictsOf(family: FamilyState): Conflict[] {
  const { claimedName: name, rejected } = family;
  if (rejected !== undefined) return [{ name, message: rejected }];
  if (!family.helpConflict) return [];
  const message = `Writers disagree about the help of ${JSON.stringify(name)}: ` +
    `${JSON.stringify(family.help)} was there first`;
  return [{ name, message }];
}
