import { assert, assertEquals } from "@std/assert";
import {
  detectLayout,
  fileViews,
  metricFileName,
  parseMetricFileName,
  parseTemporaryName,
  parseWriterFileName,
  temporaryName,
  writerFileName,
} from "../../../src/storage/filesystem/file_format.ts";
import { fileBytes, key, LAYOUTS } from "./_support.ts";

Deno.test("parseMetricFileName() reads back what metricFileName() makes", () => {
  for (const writer of ["123", "123-2", "uwsgi_3", "retired", "ü x.db"]) {
    assertEquals(parseMetricFileName(metricFileName("counter", undefined, writer)), {
      kind: "counter",
      mode: undefined,
      writer,
    });
    assertEquals(parseMetricFileName(metricFileName("gauge", "livemostrecent", writer)), {
      kind: "gauge",
      mode: "livemostrecent",
      writer,
    });
  }
});

Deno.test("parseMetricFileName() knows no other names", () => {
  const names = ["x.db", "counter.db", "counter_.db", "gauge_1.db", "gauge_all.db", "info_1.db"];
  for (const name of [...names, "gauge_nosuchmode_1.db", "counter_1.db.tmp", "writer_1.lock"]) {
    assertEquals(parseMetricFileName(name), undefined, name);
  }
});

Deno.test("temporaryName() is known as the name it will become, and as no metric file", () => {
  for (const name of ["counter_1.db", "gauge_all_a_b.db", writerFileName("1-2")]) {
    const temporary = temporaryName(name);
    assertEquals(parseTemporaryName(temporary), name);
    assertEquals(parseMetricFileName(temporary), undefined);
    assertEquals(parseWriterFileName(temporary), undefined);
  }
  assertEquals(parseTemporaryName("notes.12345678.tmp"), undefined);
  assertEquals(parseTemporaryName("counter_1.db"), undefined);
});

/** Values and times chosen to look like key lengths and beginnings of keys in the other layout. */
function* hostileNumbers(): Generator<number> {
  const view = new DataView(new ArrayBuffer(8));
  for (const low of [0, 8, 13, 16, 20, 24, 32, 0x2c205b22, 0x20202020, -1]) {
    for (const high of [0, 0x2c22225b, 0x205b5b5b, 0x41d9_0000, 0x5d5b_5d5b, 0x5b]) {
      view.setInt32(0, low, true);
      view.setInt32(4, high, true);
      yield view.getFloat64(0, true);
    }
  }
}

/** Keys with every padding, and label values that look like lengths, keys and padding. */
const HOSTILE_KEYS = [
  '["","",{},""]',
  ...Array.from({ length: 9 }, (_, i) => key("x".repeat(i))),
  key('["a", "b", {}, ""]        '),
  key("    ".repeat(8)),
  key("!!! !!! !!! "),
];

Deno.test("detectLayout() is right for files whose numbers look like entries of the other layout", () => {
  let files = 0;
  for (const layout of LAYOUTS) {
    for (const number of hostileNumbers()) {
      for (let count = 1; count <= 3; count++) {
        for (let first = 0; first < HOSTILE_KEYS.length; first++) {
          const entries = Array.from({ length: count }, (_, i) => ({
            key: HOSTILE_KEYS[(first + i) % HOSTILE_KEYS.length] as string,
            value: number,
            time: number,
          }));
          const bytes = fileBytes(entries, { layout, size: 1024 });
          const views = fileViews(bytes.buffer);
          assertEquals(detectLayout(views, views.ints[0] as number), { layout });
          files++;
        }
      }
    }
  }
  assert(files > 1000);
});

Deno.test("detectLayout() is right for files with arbitrary numbers and label values", () => {
  for (let round = 0; round < 2000; round++) {
    const random = crypto.getRandomValues(new Uint8Array(64));
    const view = new DataView(random.buffer);
    const layout = round % 2 === 0 ? "timestamp" : "value";
    const entries = Array.from({ length: 1 + (random[0] as number) % 4 }, (_, i) => ({
      key: key(String.fromCharCode(...random.subarray(i * 3, i * 3 + (random[i] as number) % 40))),
      value: view.getFloat64(i * 8, true),
      time: view.getFloat64(i * 16 % 56, true),
    }));
    const views = fileViews(fileBytes(entries, { layout, size: 2048 }).buffer);
    assertEquals(detectLayout(views, views.ints[0] as number), { layout });
  }
});

Deno.test("detectLayout() says what is wrong with a file that has neither layout", () => {
  const bytes = fileBytes([{ key: key(1), value: 1 }, { key: key(2), value: 2 }], { size: 512 });
  const views = fileViews(bytes.buffer);
  const used = views.ints[0] as number;
  views.ints[2] = -5;
  const problem = detectLayout(views, used);
  assertEquals(problem, `key length -5 at byte 8 does not fit into ${used} used bytes`);
  views.ints[2] = 0x7fffffff;
  assertEquals(
    detectLayout(views, used),
    `key length 2147483647 at byte 8 does not fit into ${used} used bytes`,
  );
});
