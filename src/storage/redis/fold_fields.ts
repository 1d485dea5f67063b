/**
 * Adds fields of a writer's hash to those of an accumulator.
 *
 * @module
 */
import { decodeSampleKey, withoutHelp } from "../../core/sample_key.ts";
import { Fold, type FoldSource, type SampleType } from "../fold.ts";
import { isPlain } from "./writer_list.ts";
import { numberText, readValueText, sumText } from "./value_text.ts";

/** A field of a hash. */
export interface Field {
  /** The sample key. */
  readonly field: string;
  /** The value's text. */
  readonly text: string;
}

/** The fields of a hash of an accumulator by series: a series has one, whatever its help text. */
export type TotalFields = Map<string, Field>;

/** What is to be written and removed. */
export interface FamilyMoves {
  /** Fields of the accumulator: the text now, empty where there is none, and then. */
  readonly sets: readonly {
    readonly field: string;
    readonly before: string;
    readonly after: string;
  }[];
  /** Fields of the writer that are then in the accumulator, or say nothing. */
  readonly removed: readonly Field[];
}

const scratch = new Float64Array(2);

/** The fields in the reply to HGETALL. */
export function fieldsOf(reply: readonly string[]): Field[] {
  const fields: Field[] = [];
  for (let i = 0; i + 1 < reply.length; i += 2) {
    fields.push({ field: reply[i] as string, text: reply[i + 1] as string });
  }
  return fields;
}

/** Whether a field is a sample with a value. */
export function isSample({ field, text }: Field): boolean {
  return isPlain(field) && decodeSampleKey(field) !== undefined &&
    readValueText(text, scratch, 0) !== undefined;
}

/** The fields of an accumulator by series. @param refused Receives those that are no samples */
export function totalFields(fields: readonly Field[], refused: Field[]): TotalFields {
  const totals: TotalFields = new Map();
  for (const field of fields) {
    if (isSample(field)) totals.set(withoutHelp(field.field), field);
    else refused.push(field);
  }
  return totals;
}

/** Computes what becomes of samples. @param fields All are samples */
export function foldFields(
  type: SampleType,
  totals: ReadonlyMap<string, Field>,
  fields: readonly Field[],
): FamilyMoves {
  const before = new Map<string, Field>();
  for (const { field } of fields) {
    const series = withoutHelp(field);
    const total = totals.get(series);
    if (total !== undefined) before.set(series, total);
  }
  const fold = new Fold(type, sourceOf([...before.values()]));
  fold.add(sourceOf(fields));
  const components = new Map(fold.finish().map(([entry, ...rest]) => [entry, rest]));
  const sets = fold.keys.map((field, i) => ({
    field,
    before: before.get(withoutHelp(field))?.text ?? "",
    after: totalText(fold.values[i] as number, fold.times[i] as number, components.get(i)),
  }));
  return { sets, removed: fields };
}

function totalText(value: number, time: number, components: readonly number[] = []): string {
  const text = sumText([value, ...components]);
  return time === 0 ? text : `${text} ${numberText(time)}`;
}

function sourceOf(fields: readonly Field[]): FoldSource {
  const values = new Float64Array(fields.length * 2);
  const components = new Map<number, readonly number[]>();
  fields.forEach(({ text }, i) => {
    const rest = readValueText(text, values, i * 2) ?? [];
    if (rest.length > 0) components.set(i, rest);
  });
  return {
    keys: fields.map(({ field }) => field),
    values,
    slots: Uint32Array.from(fields, (_, i) => i * 2),
    hasTimestamps: true,
    components,
  };
}
