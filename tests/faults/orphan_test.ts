/**
 * The master is killed while a worker is in a synchronous loop: the worker ends all the same, and
 * the application's port is free within seconds.
 *
 * Once for each way in `deno task test`, five times with the bound on time in `deno task faults`.
 */
import { assertLessOrEqual } from "@std/assert";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, childrenOf, startServing, waitForEnd } from "../integration/serving.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const ROUNDS = IS_FULL ? 5 : 1;
/** What is promised, in milliseconds; ten times that where other tests load the machine. */
const LIMIT_MS = IS_FULL ? 5000 : 50_000;

const WAYS: Readonly<Record<string, readonly string[]>> = {
  "process with FFI": [],
  "process without FFI": ["--deno-flag=--allow-all", "--deno-flag=--deny-ffi"],
  "thread": ["--worker-class", "thread"],
};

for (const [way, flags] of Object.entries(WAYS)) {
  Deno.test(`gpe serve frees its port when it is killed with a hanging ${way}`, async () => {
    let longest = 0;
    for (let round = 0; round < ROUNDS; round++) {
      longest = Math.max(longest, await killMaster(flags));
    }
    console.log(`${ROUNDS} masters killed, port free after at most ${Math.ceil(longest)} ms`);
  });
}

/** Kills a master with a hanging worker. @returns how long its port was taken, in milliseconds */
async function killMaster(flags: readonly string[]): Promise<number> {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/misbehaves.ts"), {
    workers: 2,
    flags,
  });
  const processes = await childrenOf(serving.gpe.pid);
  const answer = fetch(`${serving.app}/hang`).then(() => {}, () => "cut off");
  await serving.gpe.waitForOutput(/hanging/);
  await serving.gpe.stop("SIGKILL");
  const killed = performance.now();
  await waitFor(() => isFree(Number(new URL(serving.app).port)), {
    deadlineMs: 60_000,
    what: "the port",
  });
  const taken = performance.now() - killed;
  assertLessOrEqual(taken, LIMIT_MS);
  await waitForEnd(processes);
  await answer;
  return taken;
}

/** Whether the port can be had by somebody who shares it with nobody. */
function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
