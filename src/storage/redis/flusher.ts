/**
 * Brings a writer's changes to the server, one script at a time, and goes on exactly when it was
 * retired meanwhile, or when the server lost data.
 *
 * @module
 */
import { BURY_SCRIPT } from "./bury_script.ts";
import type { RedisConnection } from "./connection.ts";
import type { FamilyCells } from "./family_cells.ts";
import { type Cursor, type Flight, FlightPacker } from "./flight.ts";
import { FLUSH_SCRIPT, type FlushAnswer, readFlushAnswer } from "./flush_script.ts";
import { formatFamily, type RedisKeys, writerId } from "./keys.ts";
import { Contribution, type Predecessor, Predecessors } from "./predecessors.ts";
import { REMOVE_SCRIPT } from "./remove_script.ts";
import { CATALOGUE_LIVES, renewLives } from "./renewal.ts";
import { readStoredValues } from "./stored_values.ts";
import { numberText, readValueText } from "./value_text.ts";

/** Who writes where. */
export interface FlusherOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly pid: number;
  readonly host: string;
  readonly incarnation: string;
  /** How long the writer counts as live without a flush, in milliseconds. */
  readonly ttlMs: number;
  /** How long data lives without renewal, in milliseconds; 0 for ever. */
  readonly dataLifeMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Makes random texts. */
  readonly random: () => string;
}

/** What a flush came to. */
export interface FlushOutcome {
  /**
   * `ok`: everything is acknowledged, also when there was nothing. `refused`: the server said that the
   * writer was retired or data was lost; what that takes was done. `failed`: no answer, or an error.
   * `delayed`: the flush before was not done when the next was due.
   */
  readonly result: "ok" | "failed" | "refused" | "delayed";
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** How many bytes of names and values were sent. */
  readonly bytes: number;
  /** How many commands were sent; a script is one. */
  readonly commands: number;
  /** How many samples were sent. */
  readonly fields: number;
}

/** A tombstone stays so long at least, in milliseconds: as long as a writer may be stopped. */
export const TOMBSTONE_LIFE_MS = 24 * 3600 * 1000;

/** How often a flush may find the server in another state than expected before it gives up for now. */
const MAX_REFUSALS = 16;

/** Lives are renewed this many times before they end. */
const RENEWALS_PER_LIFE = 8;

/** The state of a writer towards the server. */
export class Flusher {
  /** The families, in order of creation; the owner adds to them. */
  readonly families: FamilyCells[] = [];
  /** The writer's id: another one after it was retired. */
  writer: string;
  /** When something was acknowledged last, in milliseconds since the epoch; 0 before. */
  acknowledgedAt = 0;
  /** When a script was sent last, in milliseconds since the epoch. */
  sentAt = -Infinity;
  readonly #options: FlusherOptions;
  readonly #startSeconds: string;
  readonly #predecessors = new Predecessors();
  readonly #packer: FlightPacker;
  /** The script without an answer. */
  #flight: Flight | undefined;
  /** The number of the last script; none is used twice. */
  #last = 0;
  /** The number of the script whose state the server holds; 0: nothing. */
  #acknowledged = 0;
  /** The epoch of the data; empty before the first answer. */
  #epoch = "";
  /** Whether the server knows the writer. */
  #introduced = false;
  /** How many ids the writer has had. */
  #incarnations = 1;
  /** Families of earlier incarnations that nobody folds: to be removed. */
  #leftovers: string[] = [];
  #renewedAt = -Infinity;
  #bytes = 0;
  #commands = 0;
  #fields = 0;

  constructor(options: FlusherOptions) {
    const { pid, host, incarnation, keys, now } = options;
    this.#options = options;
    this.writer = writerId(pid, host, incarnation);
    this.#startSeconds = numberText(now() / 1000);
    this.#packer = new FlightPacker(keys, this.#predecessors);
  }

  /** Whether a script waits for its answer. */
  get inFlight(): boolean {
    return this.#flight !== undefined;
  }

  /**
   * Sends everything that differs from what the server holds. Calls must not overlap.
   *
   * @param heartbeat Whether a script is sent also when there is nothing.
   * @param report Told what went wrong on the way, one line each.
   */
  async flush(
    heartbeat: boolean,
    report: (message: string) => void,
  ): Promise<Omit<FlushOutcome, "durationMs">> {
    this.#bytes = this.#commands = this.#fields = 0;
    let result: FlushOutcome["result"] = "ok";
    try {
      const refusals = await this.#flushAll(heartbeat, report);
      if (refusals > 0) result = "refused";
      await this.#renew();
    } catch (error) {
      result = "failed";
      report(error instanceof Error ? error.message : String(error));
    }
    return { result, bytes: this.#bytes, commands: this.#commands, fields: this.#fields };
  }

  /** Tells that the writer lives no longer. @throws {StorageError} when there is no answer */
  async leave(): Promise<void> {
    const { connection, keys } = this.#options;
    await connection.send([["DEL", keys.alive(this.writer)]]);
  }

  async #flushAll(heartbeat: boolean, report: (message: string) => void): Promise<number> {
    const cursor: Cursor = { family: 0, series: 0 };
    let wanted = heartbeat;
    for (let refusals = 0; refusals < MAX_REFUSALS;) {
      await this.#removeLeftovers();
      this.#predecessors.settle(this.#options.now());
      const flight = this.#flight ??= this.#pack(cursor, wanted);
      if (flight === undefined) return refusals;
      const answer = await this.#send(flight);
      if (answer.type === "ok") {
        this.#acknowledge(flight, answer.epoch);
        answer.problems.forEach(report);
        wanted = false;
      } else {
        await this.#react(answer, report);
        cursor.family = cursor.series = 0;
        wanted = true;
        refusals++;
      }
    }
    report("Cannot flush: the server found another state each time, expected a stable one");
    return MAX_REFUSALS;
  }

  #pack(cursor: Cursor, heartbeat: boolean): Flight | undefined {
    const flight = this.#packer.pack(this.families, cursor, this.#last + 1, this.writer);
    if (flight.fields === 0 && !heartbeat) return undefined;
    this.#last++;
    return flight;
  }

  async #send(flight: Flight): Promise<FlushAnswer> {
    const { connection, keys, ttlMs, dataLifeMs, random } = this.#options;
    const { writer } = this;
    // Whatever this incarnation wrote came after its predecessors' tombstones: where the server holds
    // some of it, they were there.
    const checked = this.#acknowledged === 0 ? this.#predecessors.checked : [];
    const keyList = [
      keys.tombstone(writer),
      keys.epoch,
      keys.sequence(writer),
      keys.alive(writer),
      keys.writers,
      keys.families,
      keys.generation,
      ...checked.map((predecessor) => keys.tombstone(predecessor.writer)),
      ...flight.keys,
    ];
    const args = [
      writer,
      this.#introduced ? "" : this.#startSeconds,
      this.#epoch,
      random(),
      String(this.#acknowledged),
      String(flight.sequence),
      String(ttlMs),
      String(dataLifeMs),
      String(dataLifeMs * CATALOGUE_LIVES),
      String(checked.length),
      String(flight.families),
      ...flight.args,
    ];
    this.sentAt = this.#options.now();
    this.#commands++;
    this.#fields += flight.fields;
    for (const text of keyList) this.#bytes += text.length;
    for (const text of args) this.#bytes += text.length;
    return readFlushAnswer(await connection.run(FLUSH_SCRIPT, keyList, args));
  }

  #acknowledge(flight: Flight, epoch: string): void {
    flight.acknowledge();
    this.#flight = undefined;
    this.#acknowledged = flight.sequence;
    this.#epoch = epoch;
    this.#introduced = true;
    this.acknowledgedAt = this.#options.now();
  }

  async #react(
    answer: Exclude<FlushAnswer, { type: "ok" }>,
    report: (message: string) => void,
  ): Promise<void> {
    switch (answer.type) {
      case "epoch":
        return this.#startAnew();
      case "behind":
        return await this.#goBack(answer.sequence);
      case "predecessor":
        return await this.#adopt(answer.place);
      case "retired": {
        const { sequence, lifeMs } = answer;
        if (sequence === this.#flight?.sequence) this.#flight.acknowledge();
        else if (sequence !== this.#acknowledged) {
          report(
            `Writer "${this.writer}" was retired with data older than what it had flushed: ` +
              "what was lost between stays lost",
          );
        }
        return this.#goOn(sequence, lifeMs);
      }
    }
  }

  /** The data was lost: whatever was counted is gone, and everything is written again. */
  #startAnew(): void {
    this.#predecessors.clear();
    this.#leftovers = [];
    this.#epoch = "";
    this.#forget();
  }

  /** The server holds older data of this incarnation, or none: goes on from what is there. */
  async #goBack(sequence: number): Promise<void> {
    const { connection, keys, now } = this.#options;
    if (this.#epoch === "") {
      // The epoch alone was removed: what is there is written over.
      this.#last = sequence;
      this.#flight = undefined;
      return;
    }
    if (sequence === 0 && now() - this.acknowledgedAt > TOMBSTONE_LIFE_MS) {
      // Silent for longer than a tombstone stays: the writer was retired, the tombstone is gone.
      return this.#goOn(this.#acknowledged, 0);
    }
    this.#commands += this.families.length + 4;
    const stored = await readStoredValues(
      connection,
      keys,
      this.writer,
      this.families,
      this.#epoch,
    );
    if (stored === undefined) return; // The next script is told more.
    this.#forget();
    this.#acknowledged = stored.sequence;
    const slots = new Float64Array(2);
    const words = new Uint32Array(slots.buffer);
    for (const [cells, texts] of stored.texts) {
      for (const [index, key] of cells.keys.entries()) {
        const text = texts.get(key);
        const rest = text === undefined ? undefined : readValueText(text, slots, 0);
        if (rest === undefined) break;
        if (cells.addsUp && !this.#predecessors.empty) {
          slots[0] = this.#predecessors.restore(cells, index, [slots[0] as number, ...rest]);
        }
        cells.acknowledge(index, words, 0);
        cells.introduced = true;
      }
    }
  }

  /** The writer was retired: what the server held of it is its contribution to the accumulators. */
  #goOn(sequence: number, tombstoneLifeMs: number): void {
    const { pid, host, incarnation, now } = this.#options;
    const contribution = new Contribution();
    for (const cells of this.families) {
      for (let index = 0; cells.addsUp && index < cells.stored; index++) {
        const value = cells.acknowledgedValue(index);
        contribution.set(cells, index, this.#predecessors.difference(cells, index, value));
      }
    }
    this.#leaveBehind(this.writer);
    // Half of the tombstone's life, as clocks may be set.
    const checkedUntil = now() + tombstoneLifeMs / 2;
    this.#predecessors.push({ writer: this.writer, sequence, contribution, checkedUntil });
    this.#forget();
    this.writer = writerId(pid, host, `${incarnation}-${++this.#incarnations}`);
  }

  /**
   * A predecessor is not retired any more: the server holds data from before that. It is retired again,
   * with what is there of it, so that no total falls.
   */
  async #adopt(place: number): Promise<void> {
    const { connection, keys, dataLifeMs } = this.#options;
    const predecessor = this.#predecessors.checked[place] as Predecessor;
    const { contribution, writer } = predecessor;
    const families = [...contribution.families];
    this.#commands += families.length + 5;
    const stored = await readStoredValues(connection, keys, writer, families, this.#epoch);
    if (stored === undefined) return; // The next script is told more.
    const tombstone = String(
      await connection.run(
        BURY_SCRIPT,
        [keys.tombstone(writer), keys.sequence(writer), keys.alive(writer), keys.generation],
        [String(stored.sequence), String(tombstoneLife(dataLifeMs))],
      ),
    );
    // With another number: there was a tombstone after all, and the contribution stands.
    const sequence = parseInt(tombstone, 10);
    if (sequence !== stored.sequence || sequence === predecessor.sequence) return;
    predecessor.sequence = sequence;
    predecessor.contribution = contributionOf(stored.texts);
    this.#flight = undefined;
    this.#leaveBehind(writer);
  }

  /** Nobody folds the gauges that each writer has for itself. */
  #leaveBehind(writer: string): void {
    for (const { kind, mode, hash } of this.families) {
      if (mode !== "all" && mode !== "liveall") continue;
      this.#leftovers.push(formatFamily({ kind, mode, writer, hash }));
    }
  }

  async #removeLeftovers(): Promise<void> {
    const { connection, keys } = this.#options;
    const families = this.#leftovers;
    if (families.length === 0) return;
    const own = families.flatMap((family) => [keys.data(family), keys.meta(family)]);
    this.#commands++;
    await connection.run(REMOVE_SCRIPT, [keys.families, keys.generation, ...own], families);
    this.#leftovers = [];
  }

  /** Nothing is known to be on the server. */
  #forget(): void {
    this.#flight = undefined;
    this.#acknowledged = 0;
    this.#introduced = false;
    for (const cells of this.families) cells.forget();
  }

  async #renew(): Promise<void> {
    const { connection, keys, dataLifeMs, now } = this.#options;
    const { writer } = this;
    const time = now();
    if (!this.#introduced || dataLifeMs === 0) return;
    if (time - this.#renewedAt < dataLifeMs / RENEWALS_PER_LIFE) return;
    const own = this.families.filter((cells) => cells.introduced)
      .map(({ kind, mode, hash }) => formatFamily({ kind, mode, writer, hash }));
    this.#commands += await renewLives(connection, keys, own, dataLifeMs);
    this.#renewedAt = time;
  }
}

/** How long a tombstone stays, in milliseconds. @param dataLifeMs How long data stays; 0 for ever */
export function tombstoneLife(dataLifeMs: number): number {
  return Math.max(dataLifeMs, TOMBSTONE_LIFE_MS);
}

function contributionOf(
  texts: ReadonlyMap<FamilyCells, ReadonlyMap<string, string>>,
): Contribution {
  const contribution = new Contribution();
  const slots = new Float64Array(2);
  for (const [cells, stored] of texts) {
    for (const [index, key] of cells.keys.entries()) {
      const rest = readValueText(stored.get(key) ?? "", slots, 0);
      if (rest !== undefined) contribution.set(cells, index, [slots[0] as number, ...rest]);
    }
  }
  return contribution;
}
