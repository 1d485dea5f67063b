import { assertEquals, assertMatch } from "@std/assert";
import type { Log } from "../../src/core/log.ts";
import { type AccessSink, createAccessLog } from "../../src/worker/access_log.ts";
import {
  type AccessEntry,
  combinedFormat,
  jsonFormat,
} from "../../src/worker/access_log_format.ts";

const ENTRY: AccessEntry = {
  remote: "192.0.2.1",
  method: "GET",
  target: "/items?page=2",
  protocol: "HTTP/1.1",
  status: 200,
  sizeBytes: 12,
  referer: "http://example.com/",
  userAgent: "client/1.0",
  durationMs: 1.5,
};

Deno.test("combinedFormat() writes the format of Apache and nginx", () => {
  const line = combinedFormat()(ENTRY, Date.UTC(2026, 6, 4, 10, 5, 9));
  assertMatch(
    line,
    /^192\.0\.2\.1 - - \[\d\d\/Jul\/2026:\d\d:\d\d:09 [+-]\d{4}\] "GET \/items\?page=2 HTTP\/1\.1" 200 12 "http:\/\/example\.com\/" "client\/1\.0"\n$/,
  );
});

Deno.test("combinedFormat() writes the time of day with its offset from UTC", () => {
  const format = combinedFormat();
  for (const nowMs of [0, 1_700_000_000_123, 1_700_000_001_000]) {
    const [, day, month, year, clock, zone] = /\[(\d+)\/(\w+)\/(\d+):([\d:]+) ([+-]\d+)\]/.exec(
      format(ENTRY, nowMs),
    )!;
    const parsed = Date.parse(`${day} ${month} ${year} ${clock} ${zone}`);
    assertEquals(parsed, Math.floor(nowMs / 1000) * 1000);
  }
});

Deno.test("combinedFormat() writes a dash for what is not known", () => {
  const line = combinedFormat()({
    ...ENTRY,
    remote: undefined,
    sizeBytes: undefined,
    referer: null,
    userAgent: "",
  }, 0);
  assertMatch(line, /^- - - \[.*\] "GET \/items\?page=2 HTTP\/1\.1" 200 - "-" "-"\n$/);
});

Deno.test("combinedFormat() escapes what would end a field or a line", () => {
  const line = combinedFormat()({
    ...ENTRY,
    target: '/a"b\\c\n\x1e\x7f',
    referer: "\xe9\r\n127.0.0.1 - -",
    userAgent: "Ω\u{1F600}",
  }, 0);
  assertEquals(line.split("\n").length, 2);
  assertMatch(line, /"GET \/a\\x22b\\x5Cc\\x0A\\x1E\\x7F HTTP\/1\.1"/);
  assertMatch(line, /"\\xE9\\x0D\\x0A127\.0\.0\.1 - -" "\\xCE\\xA9\\xF0\\x9F\\x98\\x80"\n$/);
});

Deno.test("jsonFormat() writes one object a line, null for what is not known", () => {
  const line = jsonFormat("worker_2")(
    { ...ENTRY, target: "/\n", sizeBytes: undefined, referer: undefined },
    Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  );
  assertEquals(line.indexOf("\n"), line.length - 1);
  assertEquals(JSON.parse(line), {
    time: "2026-01-02T03:04:05.006Z",
    worker_id: "worker_2",
    remote: "192.0.2.1",
    method: "GET",
    target: "/\n",
    protocol: "HTTP/1.1",
    status: 200,
    size_bytes: null,
    duration_seconds: 0.0015,
    referer: null,
    user_agent: "client/1.0",
  });
});

/** A log whose files are texts, and whose disk can be full. */
function fakeLog() {
  const files: string[] = [];
  const told: string[] = [];
  const timers: (() => void)[] = [];
  /** How many more bytes the disk takes. */
  const disk = { freeBytes: Infinity, canOpen: true };
  let writes = 0;
  const open = (): AccessSink => {
    if (!disk.canOpen) throw new Error("no such directory");
    const index = files.push("") - 1;
    return {
      append(bytes) {
        if (disk.freeBytes === 0) throw new Error("disk is full");
        const taken = bytes.subarray(0, disk.freeBytes);
        disk.freeBytes -= taken.length;
        files[index] += new TextDecoder().decode(taken);
        writes++;
        return taken.length;
      },
      close: () => void told.push(`closed ${index}`),
    };
  };
  const tell = (level: string) => (message: string, fields: unknown = {}) =>
    void told.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log: Log = {
    debug: tell("debug"),
    info: tell("info"),
    warn: tell("warn"),
    error: (message) => tell("error")(message),
  };
  let number = 0;
  const accessLog = createAccessLog({
    format: () => `line ${++number}\n`,
    open,
    now: () => 0,
    schedule: (callback) => void timers.push(callback),
    log,
  });
  return {
    accessLog,
    files,
    told,
    disk,
    timers,
    get writes() {
      return writes;
    },
    add(count: number) {
      for (let i = 0; i < count; i++) accessLog.add(ENTRY);
    },
  };
}

Deno.test("createAccessLog() writes lines together when the time is over", () => {
  const fake = fakeLog();
  fake.add(3);
  assertEquals([fake.files, fake.timers.length], [[""], 1]);
  fake.timers[0]!();
  assertEquals([fake.files, fake.writes], [["line 1\nline 2\nline 3\n"], 1]);
  fake.add(1);
  assertEquals(fake.timers.length, 2);
});

Deno.test("createAccessLog() writes without waiting when there are 64 KiB", () => {
  const fake = fakeLog();
  while (fake.writes === 0) fake.add(1);
  const bytes = fake.files[0]!.length;
  assertEquals(bytes >= 65_536 && bytes < 65_536 + 20, true);
  fake.accessLog.flush();
  assertEquals(fake.writes, 1);
});

Deno.test("createAccessLog() writes old lines to the old file when it is reopened", () => {
  const fake = fakeLog();
  fake.add(2);
  fake.accessLog.reopen();
  fake.add(1);
  fake.accessLog.flush();
  assertEquals(fake.files, ["line 1\nline 2\n", "line 3\n"]);
  assertEquals(fake.told, ["closed 0"]);
});

Deno.test("createAccessLog() goes on in the old file when the new one cannot be opened", () => {
  const fake = fakeLog();
  fake.disk.canOpen = false;
  fake.accessLog.reopen();
  fake.add(1);
  fake.accessLog.flush();
  assertEquals(fake.files, ["line 1\n"]);
  assertEquals(fake.told, ["error Cannot open the access log {}"]);
});

Deno.test("createAccessLog() tells a failure once and the lost lines when it is over", () => {
  const fake = fakeLog();
  fake.disk.freeBytes = 10;
  fake.add(3);
  fake.accessLog.flush();
  fake.add(2);
  fake.accessLog.flush();
  fake.disk.freeBytes = Infinity;
  fake.add(1);
  fake.accessLog.flush();
  // What was torn by the full disk ends before the next line.
  assertEquals(fake.files, ["line 1\nlin\nline 6\n"]);
  assertEquals(fake.told, [
    "error Cannot write the access log, lines are lost {}",
    'warn The access log is written again {"lostLines":4}',
  ]);
});
