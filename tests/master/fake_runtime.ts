/** A clock that moves when told, and workers that do what a test tells them. */
import type {
  BootFailure,
  Clock,
  SpawnWorker,
  StopKind,
  WorkerEvents,
  WorkerExit,
  WorkerHandle,
  WornReason,
} from "../../src/master/primitives.ts";
import type { Log, LogLevel } from "../../src/core/log.ts";

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers: { at: number; callback: () => void }[] = [];
  chance = 0.5;

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** Delays of the timers that wait, soonest first. */
  get waiting(): number[] {
    return this.#timers.map((timer) => timer.at - this.#now).sort((a, b) => a - b);
  }

  /** Time goes by in which nothing could run, as in a process that is held up. */
  jump(ms: number): void {
    this.#now += ms;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.splice(this.#timers.indexOf(next), 1);
      next.callback();
    }
    this.#now = end;
    await settle();
  }
}

export class FakeWorker implements WorkerHandle {
  readonly slot: number;
  readonly pid: number;
  readonly events: WorkerEvents;
  readonly asked: string[] = [];
  readonly ended: Promise<WorkerExit>;
  readonly #end: (exit: WorkerExit) => void;

  constructor(slot: number, pid: number, events: WorkerEvents) {
    this.slot = slot;
    this.pid = pid;
    this.events = events;
    const { promise, resolve } = Promise.withResolvers<WorkerExit>();
    this.ended = promise;
    this.#end = resolve;
  }

  stop(kind: StopKind): void {
    this.asked.push(kind);
  }

  reopenLogs(): void {
    this.asked.push("reopen");
  }

  kill(): void {
    this.asked.push("kill");
    this.#end({ code: null, signal: "SIGKILL" });
  }

  async run(): Promise<void> {
    this.events.running();
    await settle();
  }

  async beat(): Promise<void> {
    this.events.beat();
    await settle();
  }

  async worn(reason: WornReason = "max_requests"): Promise<void> {
    this.events.worn(reason);
    await settle();
  }

  async fail(message: string, permanent = false): Promise<void> {
    const failure: BootFailure = { message, permanent };
    this.events.failed(failure);
    await this.exit(1);
  }

  async exit(code: number): Promise<void> {
    this.#end({ code, signal: null });
    await settle();
  }

  async signalled(signal: string, outOfMemory = false): Promise<void> {
    this.#end({ code: null, signal, outOfMemory });
    await settle();
  }
}

export class FakeRuntime {
  readonly clock = new FakeClock();
  readonly started: FakeWorker[] = [];
  readonly lines: string[] = [];

  readonly spawn: SpawnWorker = (slot, events) => {
    const worker = new FakeWorker(slot, 100 + this.started.length, events);
    this.started.push(worker);
    return worker;
  };

  readonly log: Log = {
    debug: this.#line("debug"),
    info: this.#line("info"),
    warn: this.#line("warn"),
    error: this.#line("error"),
  };

  #line(level: LogLevel): (message: string) => void {
    return (message) => {
      this.lines.push(`${level} ${message}`);
    };
  }

  /** The worker started last. */
  get last(): FakeWorker {
    const worker = this.started.at(-1);
    if (worker === undefined) throw new Error("No worker was started");
    return worker;
  }

  linesOf(level: LogLevel): string[] {
    return this.lines.filter((line) => line.startsWith(`${level} `));
  }
}

/** Lets everything that is already decided happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
