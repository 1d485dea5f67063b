import { assert, assertEquals } from "@std/assert";
import { assertSame, type Stage } from "./support.ts";

type Case = (stage: Stage) => unknown;

const REFUSED: readonly Case[] = [
  ({ Counter }) => new Counter(undefined as never),
  ({ Gauge }) => new Gauge("x" as never),
  ({ Counter }) => new Counter({ name: "x" } as never),
  ({ Counter }) => new Counter({ help: "x" } as never),
  ({ Counter }) => new Counter({ name: "a-b", help: "x" }),
  ({ Counter }) => new Counter({ name: "1a", help: "x" }),
  ({ Counter }) => new Counter({ name: "a", help: "x", labelNames: ["ok", "a:b"] }),
  ({ Gauge }) => new Gauge({ name: "a", help: "x", collect: 5 as never }),
  ({ Histogram }) =>
    new Histogram({ name: "refused_h", help: "x", labelNames: ["le"], registers: [] }),
  ({ Summary }) =>
    new Summary({ name: "refused_s", help: "x", labelNames: ["quantile"], registers: [] }),
  ({ Counter }) => new Counter({ name: "a", help: "x", enableExemplars: true }),
  ({ linearBuckets }) => linearBuckets(1, 1, 0),
  ({ exponentialBuckets }) => exponentialBuckets(0, 2, 3),
  ({ exponentialBuckets }) => exponentialBuckets(1, 2, 0),
  ({ exponentialBuckets }) => exponentialBuckets(1, 1, 3),
  ({ newRegistry }) => newRegistry("text/html"),
  ({ newRegistry }) => newRegistry().setContentType("text/html" as never),
  ({ newRegistry }) => newRegistry().getSingleMetricAsString("none"),
  ({ newRegistry }) => newRegistry().getSingleMetric("none") ?? "nothing",
  ({ validateMetricName }) => ["a:b", "_x", "9", "a b", "", "é"].map(validateMetricName),
];

Deno.test("constructors fail with prom-client's errors when the configuration is wrong", async () => {
  const notes = await assertSame(async (stage) => {
    for (const refused of REFUSED) await stage.note(() => refused(stage));
    const registers = [stage.newRegistry()];
    new stage.Counter({ name: "twice", help: "h", registers });
    await stage.note(() => new stage.Gauge({ name: "twice", help: "h", registers }));
  });
  assertEquals(notes.at(-1), "Error: A metric with the name twice has already been registered.");
});

Deno.test("updates fail with prom-client's errors when values and labels are wrong", async () => {
  const notes = await assertSame(
    async ({ Counter, Gauge, Histogram, Summary, note, print, newRegistry }) => {
      const registry = newRegistry();
      const options = { help: "h", labelNames: ["l", "m"], registers: [registry] };
      const c = new Counter({ name: "c", ...options });
      const g = new Gauge({ name: "g", ...options });
      const h = new Histogram({ name: "h", ...options });
      const s = new Summary({ name: "s", ...options });
      const odd = [-1, -Infinity, Infinity, "5", "x", null, {}, [1], { a: 1 }, true, 5n, undefined];
      for (const value of odd as never[]) {
        await note(() => void c.inc(value));
        await note(() => void c.inc({ l: 1 }, value));
        await note(() => void c.labels("a", "b").inc(value));
        await note(() => g.set({ l: 1 }, value));
        await note(() => g.inc({ l: 1 }, value));
        await note(() => g.dec({ l: 1 }, value));
        await note(() => g.labels("a", "b").set(value));
        await note(() => g.labels("a", "b").inc(value));
        await note(() => h.observe({ l: 1 }, value));
        await note(() => h.labels("a", "b").observe(value));
        await note(() => s.observe({ l: 1 }, value));
        await note(() => s.labels("a", "b").observe(value));
      }
      for (const value of [null, undefined, NaN, ""] as never[]) {
        await note(() => g.set(value));
        await note(() => h.observe(value));
        await note(() => h.observe({}, value));
        await note(() => s.observe(value));
        await note(() => s.observe({}, value));
      }
      for (const metric of [c, g, h, s]) {
        await note(() => void metric.labels("a"));
        await note(() => void metric.labels());
        await note(() => void metric.remove("a", "b", "c"));
        await note(() => void metric.remove({ nope: 1 } as never));
      }
      await note(() => void c.inc({ nope: 1 } as never));
      await note(() => void c.labels({ nope: 1 } as never).inc());
      await note(() => g.set({ nope: 1 } as never, 1));
      await note(() => h.observe({ nope: 1 } as never, 1));
      await note(() => s.observe({ nope: 1 } as never, 1));
      await note(() =>
        void new Gauge({ name: "n", help: "h", registers: [] }).inc({ nope: 1 } as never)
      );
      const labelNames = ["method", "path", "status", "region", "zone", "it's", "tenant"].map((n) =>
        n.replace("'", "")
      );
      const many = new Counter({ name: "many", help: "h", registers: [], labelNames });
      await note(() => many.inc({ nope: 1 } as never));
      await print(registry);
    },
  );
  assert(
    notes.includes(`Error: Added label "nope" is not included in initial labelset: [ 'l', 'm' ]`),
  );
});
