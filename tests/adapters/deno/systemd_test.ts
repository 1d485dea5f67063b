import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectSystemd } from "../../../src/adapters/deno/systemd.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { externalTest } from "../../support/externals.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";

const RECEIVER = new URL("../../support/notify_socket.py", import.meta.url).pathname;

function environment(values: Record<string, string>): (name: string) => string | undefined {
  return (name) => values[name];
}

for (const kind of ["path", "abstract name"]) {
  externalTest(
    `connectSystemd() tells the state to a socket with ${kind === "path" ? "a" : "an"} ${kind}`,
    ["python3"],
    async ({ python3 }) => {
      await using dir = await tempDir();
      const address = `${kind === "path" ? "" : "@"}${dir.path}/notify`;
      await using receiver = spawn(python3, [RECEIVER, address]);
      await receiver.waitForOutput(/^bound$/m);
      let healthy = false;
      using notifier = connectSystemd({
        env: environment({ NOTIFY_SOCKET: address, WATCHDOG_USEC: "20000" }),
        isHealthy: () => healthy,
        log: SILENT_LOG,
      });
      notifier.ready();
      notifier.reloading();
      notifier.ready();
      await receiver.waitForOutput(/READY=1\nRELOADING.*\nREADY=1\n/);
      const before = receiver.stdout;
      healthy = true;
      await receiver.waitForOutput(/(WATCHDOG=1\n){3}/);
      healthy = false;
      notifier.stopping();
      await receiver.waitForOutput(/STOPPING=1\n/);

      const [, microseconds] = /^RELOADING=1\|MONOTONIC_USEC=(\d+)$/m.exec(before)!;
      const [uptime] = (await Deno.readTextFile("/proc/uptime")).split(" ");
      // The same clock, but for the time the machine was suspended.
      assert(Math.abs(Number(microseconds) / 1e6 - Number(uptime)) < 3600);
      assertEquals(before.includes("WATCHDOG"), false);
    },
  );
}

externalTest(
  "connectSystemd() keeps the watchdog of another process out of it",
  ["python3"],
  async ({ python3 }) => {
    await using dir = await tempDir();
    const address = `${dir.path}/notify`;
    await using receiver = spawn(python3, [RECEIVER, address]);
    await receiver.waitForOutput(/^bound$/m);
    let asked = 0;
    const connect = (pid: number) =>
      connectSystemd({
        env: environment({
          NOTIFY_SOCKET: address,
          WATCHDOG_USEC: "2000",
          WATCHDOG_PID: String(pid),
        }),
        isHealthy: () => ++asked > 0,
        log: SILENT_LOG,
      });
    using own = connect(Deno.pid);
    await receiver.waitForOutput(/WATCHDOG=1\n/);
    own[Symbol.dispose]();
    // Among these is one with the number that the socket had.
    const files = Array.from({ length: 100 }, () => Deno.openSync(RECEIVER));
    own[Symbol.dispose]();
    own.ready();
    for (using file of files) assert(file.statSync().isFile);
    const before = asked;
    using foreign = connect(Deno.pid + 1);
    foreign.stopping();
    await receiver.waitForOutput(/STOPPING=1\n/);
    assertEquals(asked, before);
  },
);

Deno.test("connectSystemd() does nothing when nobody asks, and warns when nobody listens", async () => {
  const told: string[] = [];
  const log = { ...SILENT_LOG, warn: (message: string) => void told.push(message) };
  using silent = connectSystemd({ env: environment({}), isHealthy: () => true, log });
  silent.ready();
  assertEquals(told, []);
  await using dir = await tempDir();
  for (const address of ["relative", `/${"x".repeat(200)}`, `${dir.path}/none`]) {
    using notifier = connectSystemd({
      env: environment({ NOTIFY_SOCKET: address }),
      isHealthy: () => true,
      log,
    });
    notifier.ready();
    notifier.ready();
  }
  assertEquals(told.length, 3);
  assertMatch(told[2]!, /sendto/);
});
