/**
 * The content of a flush script: what is sent, and the bits that count as stored once it is
 * acknowledged. The same content is sent again when its reply was lost.
 *
 * @module
 */
import { type FamilyCells, WORDS } from "./family_cells.ts";
import { FORMAT_VERSION, formatFamily, type RedisKeys } from "./keys.ts";
import type { Predecessors } from "./predecessors.ts";
import { numberText, slotText, sumText } from "./value_text.ts";

/** Most samples of a script: the server does nothing else meanwhile. */
export const MAX_FIELDS = 1000;
/** A script ends with the sample that brings it over this size, in bytes. */
const MAX_BYTES = 1 << 20;

/** Which series of a family are in a script. */
interface Share {
  readonly cells: FamilyCells;
  readonly indices: readonly number[];
}

/** A script that waits for its answer. */
export interface Flight {
  /** Its number. */
  readonly sequence: number;
  /** Data and meta key of each family. */
  readonly keys: readonly string[];
  /** The families' arguments. */
  readonly args: readonly string[];
  /** How many families it has. */
  readonly families: number;
  /** How many samples it has; 0 in a heartbeat. */
  readonly fields: number;
  /** Notes that the server holds its values. */
  acknowledge(): void;
}

/** Where a walk over all series is. */
export interface Cursor {
  family: number;
  series: number;
}

/** Packs the changes of a writer into scripts; one is kept at a time. */
export class FlightPacker {
  readonly #bits = new Uint32Array(MAX_FIELDS * WORDS);
  readonly #keys: RedisKeys;
  readonly #predecessors: Predecessors;

  constructor(keys: RedisKeys, predecessors: Predecessors) {
    this.#keys = keys;
    this.#predecessors = predecessors;
  }

  /** Packs what changed from the cursor on, as much as a script may hold, and moves the cursor. */
  pack(
    families: readonly FamilyCells[],
    cursor: Cursor,
    sequence: number,
    writer: string,
  ): Flight {
    const keys: string[] = [];
    const args: string[] = [];
    const shares: Share[] = [];
    let fields = 0;
    let bytes = 0;
    while (cursor.family < families.length && fields < MAX_FIELDS && bytes < MAX_BYTES) {
      const cells = families[cursor.family] as FamilyCells;
      const indices: number[] = [];
      const samples: string[] = [];
      cursor.series = cells.changes(cursor.series, (index, values, slot) => {
        if (fields === MAX_FIELDS || bytes >= MAX_BYTES) return false;
        const field = cells.keys[index] as string;
        const text = this.#text(cells, index, values, slot);
        cells.copy(index, this.#bits, fields++ * WORDS);
        bytes += field.length + text.length;
        indices.push(index);
        samples.push(field, text);
        return true;
      });
      if (indices.length > 0) {
        const { kind, mode, hash } = cells;
        const family = formatFamily({ kind, mode, writer, hash });
        const description = cells.introduced ? [] : describe(cells);
        keys.push(this.#keys.data(family), this.#keys.meta(family));
        args.push(family, String(description.length), String(samples.length));
        args.push(...description, ...samples);
        shares.push({ cells, indices });
      }
      if (cursor.series < cells.keys.length) break;
      cursor.family++;
      cursor.series = 0;
    }
    const bits = this.#bits;
    return {
      sequence,
      keys,
      args,
      fields,
      families: shares.length,
      acknowledge() {
        let at = 0;
        for (const { cells, indices } of shares) {
          cells.introduced = true;
          for (const index of indices) cells.acknowledge(index, bits, WORDS * at++);
        }
      },
    };
  }

  #text(cells: FamilyCells, index: number, values: Float64Array, slot: number): string {
    if (this.#predecessors.empty || !cells.addsUp) return slotText(values, slot);
    const sum = this.#predecessors.difference(cells, index, values[slot] as number);
    const time = values[slot + 1] as number;
    return time === 0 ? sumText(sum) : `${sumText(sum)} ${numberText(time)}`;
  }
}

function describe({ kind, mode, help, name }: FamilyCells): string[] {
  return ["type", kind, "mode", mode ?? "", "help", help, "name", name, "version", FORMAT_VERSION];
}
