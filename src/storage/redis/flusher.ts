/**
 * Brings a writer's changes to the server, one script at a time, and goes on exactly when it was
 * retired meanwhile, or when the server lost data.
 *
 * @module
 */
import { BURY_SCRIPT } from "./bury_script.ts";
import type { RedisConnection } from "./connection.ts";
import type { FamilyCells } from "./family_cells.ts";
import type { Cursor, Flight } from "./flight.ts";
import { FLUSH_SCRIPT, type FlushAnswer, readFlushAnswer, type Retired } from "./flush_script.ts";
import type { Predecessor } from "./predecessors.ts";
import { REMOVE_SCRIPT } from "./remove_script.ts";
import { CATALOGUE_LIVES, renewLives } from "./renewal.ts";
import { readStoredValues, type StoredValues } from "./stored_values.ts";
import { numberText } from "./value_text.ts";
import { FlushState, type WriterIdentity } from "./flush_state.ts";

/** Who writes where. */
export interface FlusherOptions extends WriterIdentity {
  readonly connection: RedisConnection;
  /** How long the writer counts as live without a flush, in milliseconds. */
  readonly ttlMs: number;
  /** How long data lives without renewal, in milliseconds; 0 for ever. */
  readonly dataLifeMs: number;
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
const TOMBSTONE_LIFE_MS = 24 * 3600 * 1000;

/** How often a flush may find the server in another state than expected before it gives up for now. */
const MAX_REFUSALS = 16;

/** So many heartbeats are sent within the time after which a writer counts as dead. */
const HEARTBEATS_PER_TTL = 3;

/** Lives are renewed this many times before they end. */
const RENEWALS_PER_LIFE = 8;

/** Flushes for one writer. */
export class Flusher {
  readonly #options: FlusherOptions;
  readonly #state: FlushState;
  readonly #startSeconds: string;
  /** When a script was sent last, in milliseconds since the epoch. */
  #sentAt = -Infinity;
  /** The connection by which something was acknowledged last: since when it is there. */
  #connectedSince: number | undefined;
  #renewedAt = -Infinity;
  #bytes = 0;
  #commands = 0;
  #fields = 0;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#state = new FlushState(options);
    this.#startSeconds = numberText(options.now() / 1000);
  }

  /** The writer's id: another one after it was retired. */
  get writer(): string {
    return this.#state.writer;
  }

  /** The families, in order of creation; the owner adds to them. */
  get families(): FamilyCells[] {
    return this.#state.families;
  }

  /** Whether a heartbeat should be sent when nothing else is. */
  get heartbeatDue(): boolean {
    const { now } = this.#options;
    // Also when the clock was set back.
    return Math.abs(now() - this.#sentAt) >= heartbeatMs(this.#options) || this.#reconnected;
  }

  /** Whether a script has to be sent again. */
  get inFlight(): boolean {
    return this.#state.flight !== undefined;
  }

  /** Another server may have taken over, which lacks what was sent last. */
  get #reconnected(): boolean {
    const { connectedSince } = this.#options.connection;
    return this.#state.introduced && connectedSince !== undefined &&
      connectedSince !== this.#connectedSince;
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
    await this.#checkExpired();
    const cursor: Cursor = { family: 0, series: 0 };
    let wanted = heartbeat || this.#reconnected;
    for (let refusals = 0; refusals < MAX_REFUSALS;) {
      await this.#removeLeftovers();
      const flight = this.#state.nextFlight(cursor, wanted);
      if (flight === undefined) return refusals;
      const { connectedSince } = this.#options.connection;
      const answer = await this.#send(flight);
      if (answer.type === "ok") {
        this.#state.acknowledge(flight, answer.epoch);
        this.#connectedSince = connectedSince;
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

  /**
   * After a long silence data may have ended that was not renewed, while the number of the last script,
   * which was set later, is still there: as if nothing was missing.
   */
  async #checkExpired(): Promise<void> {
    const { dataLifeMs, now } = this.#options;
    const { introduced, acknowledgedAt } = this.#state;
    // Half of a life: data was renewed an eighth of it before that, or a little earlier.
    if (!introduced || dataLifeMs === 0 || now() - acknowledgedAt < dataLifeMs / 2) return;
    const stored = await this.#readStored(this.writer, this.families);
    // Otherwise the next script is told what happened.
    if (stored !== undefined && stored.sequence !== 0) this.#state.goBack(stored);
  }

  async #send(flight: Flight): Promise<FlushAnswer> {
    const { connection, keys, ttlMs, dataLifeMs, now, random } = this.#options;
    const { writer, epoch, acknowledged, introduced, checkedPredecessors } = this.#state;
    const keyList = [
      ...[keys.tombstone(writer), keys.epoch, keys.sequence(writer), keys.alive(writer)],
      ...[keys.writers, keys.families, keys.generation],
      ...checkedPredecessors.map((predecessor) => keys.tombstone(predecessor.writer)),
      ...flight.keys,
    ];
    const args = [
      ...[writer, introduced ? "" : this.#startSeconds, epoch, random()],
      ...[acknowledged, flight.sequence, ttlMs, dataLifeMs, dataLifeMs * CATALOGUE_LIVES],
      ...[checkedPredecessors.length, flight.families],
      ...checkedPredecessors.map((predecessor) => predecessor.sequence),
      ...flight.args,
    ].map(String);
    this.#sentAt = now();
    this.#commands++;
    this.#fields += flight.fields;
    for (const text of keyList) this.#bytes += text.length;
    for (const text of args) this.#bytes += text.length;
    return readFlushAnswer(await connection.run(FLUSH_SCRIPT, keyList, args));
  }

  async #react(
    answer: Exclude<FlushAnswer, { type: "ok" }>,
    report: (message: string) => void,
  ): Promise<void> {
    const state = this.#state;
    switch (answer.type) {
      case "epoch":
        return state.startAnew();
      case "behind":
        return await this.#goBack(answer.sequence);
      case "predecessor":
        return await this.#adopt(state.checkedPredecessors[answer.place] as Predecessor, report);
      case "retired":
        return this.#goOn(answer, report);
    }
  }

  #goOn({ sequence, lifeMs, epoch }: Retired, report: (message: string) => void): void {
    const state = this.#state;
    if (sequence === state.flight?.sequence) state.flight.acknowledge();
    else if (sequence !== state.acknowledged) report(lostText(state.writer));
    state.goOn(sequence, lifeMs);
    if (epoch === "") state.startAnew();
    else state.epoch = epoch;
  }

  /** The server holds older data of this incarnation, or none. */
  async #goBack(sequence: number): Promise<void> {
    const state = this.#state;
    if (state.epoch === "") return state.writeOver(sequence);
    if (sequence === 0 && this.#options.now() - state.acknowledgedAt > TOMBSTONE_LIFE_MS) {
      // Silent for longer than a tombstone stays: the writer was retired, the tombstone is gone.
      return state.goOn(state.acknowledged, 0);
    }
    const stored = await this.#readStored(this.writer, this.families);
    if (stored !== undefined) state.goBack(stored); // Otherwise the next script is told more.
  }

  /**
   * A predecessor is not retired any more: the server holds data from before that. It is retired again,
   * with what is there of it, so that no total falls.
   */
  async #adopt(predecessor: Predecessor, report: (message: string) => void): Promise<void> {
    const { connection, keys, dataLifeMs } = this.#options;
    const { contribution, writer } = predecessor;
    // When the reply of the script below was lost, what it was about was found before.
    predecessor.found ??= await this.#readStored(writer, [...contribution.families]);
    const { found } = predecessor;
    this.#commands++;
    const reply = await connection.run(
      BURY_SCRIPT,
      [keys.tombstone(writer), keys.sequence(writer), keys.alive(writer), keys.generation],
      [String(found?.sequence ?? ""), String(tombstoneLife(dataLifeMs))],
    );
    predecessor.found = undefined;
    const sequence = parseInt(String(reply), 10);
    // Without a tombstone what was found is out of date: the next script is told more.
    if (Number.isNaN(sequence) || sequence === predecessor.sequence) return;
    if (sequence === found?.sequence) return this.#state.adopt(predecessor, found);
    predecessor.sequence = sequence;
    report(lostText(writer));
  }

  async #readStored(
    writer: string,
    families: readonly FamilyCells[],
  ): Promise<StoredValues | undefined> {
    const { connection, keys } = this.#options;
    this.#commands += families.length + 4;
    return await readStoredValues(connection, keys, writer, families, this.#state.epoch);
  }

  async #removeLeftovers(): Promise<void> {
    const { connection, keys } = this.#options;
    const { leftovers } = this.#state;
    if (leftovers.length === 0) return;
    const own = leftovers.flatMap((family) => [keys.data(family), keys.meta(family)]);
    this.#commands++;
    await connection.run(REMOVE_SCRIPT, [keys.families, keys.generation, ...own], leftovers);
    this.#state.leftovers = [];
  }

  async #renew(): Promise<void> {
    const { connection, keys, dataLifeMs, now } = this.#options;
    if (!this.#state.introduced || dataLifeMs === 0) return;
    const time = now();
    if (Math.abs(time - this.#renewedAt) < dataLifeMs / RENEWALS_PER_LIFE) return;
    // At first they have just been made; accumulators may be old.
    const own = this.#renewedAt === -Infinity ? [] : this.#state.introducedFamilies;
    this.#commands += await renewLives(connection, keys, own, dataLifeMs);
    this.#renewedAt = time;
  }
}

/** How long nothing may be sent, in milliseconds: in time for the writer to live, and for its data. */
export function heartbeatMs(
  { ttlMs, dataLifeMs }: Pick<FlusherOptions, "ttlMs" | "dataLifeMs">,
): number {
  const forData = dataLifeMs === 0 ? Infinity : dataLifeMs / RENEWALS_PER_LIFE;
  return Math.min(ttlMs / HEARTBEATS_PER_TTL, forData);
}

/** How long a tombstone stays, in milliseconds. @param dataLifeMs How long data stays; 0 for ever */
export function tombstoneLife(dataLifeMs: number): number {
  return Math.max(dataLifeMs, TOMBSTONE_LIFE_MS);
}

function lostText(writer: string): string {
  return `writer "${writer}" was retired with older data than it had flushed: what is missing stays lost`;
}
