/**
 * From label values to the series they mean.
 *
 * @module
 */
import { inspectList } from "./inspect.ts";
import { because } from "./misuse.ts";

/** Labels as a user passes them. */
export type Labels = Readonly<Record<string, unknown>>;

const NO_LABELS: Labels = Object.freeze({});

/** What of a metric its labels belong to. */
interface LabelledMetric {
  readonly type: string;
  readonly name: string;
  readonly labelNames: readonly string[];
}

type Branch<C> = Map<unknown, Branch<C> | C>;

/**
 * The series of one metric, found through nested maps: one level a label, in the order of the label
 * names. No text is joined, so values may hold any character; a missing label is a value of its own.
 * Values with the same text (200 and "200") are the same series; each form has its own way in the
 * map, so that finding it needs no conversion.
 */
export class LabelTree<C extends object> {
  /** Every series ever made, in order. They are kept: a series that is removed may come back. */
  readonly children: C[] = [];
  private readonly metric: LabelledMetric;
  private readonly names: readonly string[];
  private readonly known: ReadonlySet<string>;
  private readonly make: (labels: Labels) => C;
  /** Names that every object seems to have (`constructor`): only own properties count then. */
  private readonly guarded: boolean;
  private root: Branch<C> | C | undefined;
  private unlabelled: C | undefined;

  /**
   * An empty tree.
   *
   * @param metric The metric, with its label names.
   * @param make Makes the series of a set of labels when it is first asked for.
   */
  constructor(metric: LabelledMetric, make: (labels: Labels) => C) {
    const names = metric.labelNames;
    this.metric = metric;
    this.names = names;
    this.known = new Set(names);
    this.make = make;
    this.guarded = names.some((name) => name in Object.prototype);
    this.root = names.length === 0 ? undefined : new Map();
    this.unlabelled = undefined;
  }

  /** The series without any label. */
  bare(): C {
    return this.unlabelled ??= this.find(NO_LABELS);
  }

  /**
   * The series of a set of labels, made when it is new.
   *
   * @throws {Error} when a label is none of the metric's.
   */
  find(labels: Labels): C {
    const names = this.names;
    let node: Branch<C> | C | undefined = this.root;
    let i = 0;
    // Walking the object is twice as fast as asking it for each name: V8 knows the places of the values.
    for (const name in labels) {
      if (name !== names[i]) return this.findInOrder(labels);
      node = (node as Branch<C>).get(labels[name]);
      if (node === undefined) return this.resolve(labels);
      i++;
    }
    return i === names.length && node !== undefined ? node as C : this.findInOrder(labels);
  }

  /**
   * The series of a set of labels, if there is one.
   *
   * @throws {Error} when a label is none of the metric's.
   */
  peek(labels: Labels): C | undefined {
    this.check(labels);
    let node: Branch<C> | C | undefined = this.root;
    for (const name of this.names) {
      node = (node as Branch<C>).get(textOf(this.valueOf(labels, name)));
      if (node === undefined) return undefined;
    }
    return node as C | undefined;
  }

  /**
   * The labels that arguments of `labels()` and `remove()` mean: an object, or values in the order
   * of the names.
   *
   * @throws {Error} when the number of values is not that of the names.
   */
  fromArguments(args: readonly unknown[]): Labels {
    const [first] = args;
    if (typeof first === "object") return first === null ? NO_LABELS : first as Labels;
    const { names } = this;
    if (names.length !== args.length) {
      throw new Error(
        `Invalid number of arguments (${args.length}): "${args.join(", ")}" ` +
          `for label names (${names.length}): "${names.join(", ")}".`,
        this.because(`${args.length} label values`, `${names.length}`),
      );
    }
    return Object.fromEntries(names.map((name, i) => [name, args[i]]));
  }

  /** Refuses labels of other names. */
  private check(labels: Labels): void {
    for (const name in labels) {
      if (this.known.has(name)) continue;
      throw new Error(
        `Added label "${name}" is not included in initial labelset: ${inspectList(this.names)}`,
        this.because(`label ${JSON.stringify(name)}`, "none but its own"),
      );
    }
  }

  /** What errors have as their cause. */
  private because(state: string, wanted: string): ErrorOptions {
    const { type, name } = this.metric;
    const names = this.names.map((label) => JSON.stringify(label)).join(", ") || "no labels";
    return because(
      `Cannot use ${type} ${JSON.stringify(name)}: got ${state}, expected ${wanted} (${names})`,
    );
  }

  /** The value of a label, as far as it is the object's own. */
  private valueOf(labels: Labels, name: string): unknown {
    return this.guarded && !Object.hasOwn(labels, name) ? undefined : labels[name];
  }

  /** `find()` for labels in another order than the names, or fewer. */
  private findInOrder(labels: Labels): C {
    if (this.guarded) return this.resolve(labels);
    let node: Branch<C> | C | undefined = this.root;
    let unknown = 0;
    for (const name of this.names) {
      const value = labels[name];
      if (value !== undefined) unknown--;
      node = (node as Branch<C>).get(value);
      if (node === undefined) return this.resolve(labels);
    }
    // Everything found is counted off: what is left over is unknown, or undefined, or inherited.
    for (const _ in labels) unknown++;
    return unknown === 0 && node !== undefined ? node as C : this.resolve(labels);
  }

  /** The long way: checks, and makes what is missing. */
  private resolve(labels: Labels): C {
    this.check(labels);
    if (this.names.length === 0) return this.unlabelled ??= this.root = this.add(labels);
    let branch = this.root as Branch<C>;
    const last = this.names.length - 1;
    for (let i = 0; i < last; i++) {
      branch = this.step(branch, this.valueOf(labels, this.names[i]!), newBranch) as Branch<C>;
    }
    const value = this.valueOf(labels, this.names[last]!);
    return this.step(branch, value, () => this.add(labels)) as C;
  }

  /** One level down. */
  private step(branch: Branch<C>, value: unknown, make: () => Branch<C> | C): Branch<C> | C {
    const text = textOf(value);
    let next = branch.get(text);
    if (next === undefined) branch.set(text, next = make());
    // A primitive never changes its text, so it may lead here directly from now on.
    if (value !== text && Object(value) !== value) branch.set(value, next);
    return next;
  }

  /** Makes a series. */
  private add(labels: Labels): C {
    const child = this.make(labels);
    this.children.push(child);
    return child;
  }
}

function newBranch<C>(): Branch<C> {
  return new Map();
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : `${value}`;
}
