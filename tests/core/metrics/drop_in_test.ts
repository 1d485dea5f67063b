import { assert } from "@std/assert";
import { assertSame } from "./support.ts";

const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

Deno.test("Counter prints prom-client's bytes when labels are numbers, partial and odd", async () => {
  const [page] = await assertSame(async ({ Counter, print, newRegistry }) => {
    const registry = newRegistry();
    const registers = [registry];
    const counter = new Counter({
      name: "a_total",
      help: 'h\n\\"',
      labelNames: ["m", "p"],
      registers,
    });
    counter.inc({ p: 200, m: "GET" });
    counter.inc({ m: "GET", p: "200" }, 2);
    counter.inc({ m: 'q"\n\\' }, 0.1);
    counter.inc();
    counter.inc(3);
    counter.inc({ m: "z", p: undefined as unknown as string });
    counter.labels("x|y", "1").inc();
    counter.labels({ p: "only" }).inc(5);
    counter.labels("never", "used");
    new Counter({ name: "plain", help: "plain", registers });
    await print(registry);
    await print(newRegistry());
  });
  assert(page!.includes('a_total{p="200",m="GET"} 3\n'));
});

Deno.test("Gauge keeps the order of the labels of a series while no registry has it", async () => {
  const [page] = await assertSame(async ({ Gauge, print, newRegistry }) => {
    const registry = newRegistry();
    const gauge = new Gauge({
      name: "g",
      help: "h",
      labelNames: ["a", "b"],
      registers: [registry],
    });
    gauge.set({ a: 1, b: "x" }, 1);
    gauge.set({ a: 2, b: "x" }, 1);
    registry.removeSingleMetric("g");
    gauge.labels({ b: "x", a: 1 });
    gauge.inc({ b: "x", a: 2 });
    registry.registerMetric(gauge);
    await print(registry);
  });
  assert(page!.includes('g{a="1",b="x"} 1\ng{a="2",b="x"} 2\n'));
});

Deno.test("reset(), remove() and clear() print prom-client's bytes when series come back", async () => {
  await assertSame(async ({ Counter, Gauge, Histogram, Summary, print, newRegistry }) => {
    const registry = newRegistry();
    const registers = [registry];
    const options = { help: "h", labelNames: ["l"], registers };
    const plain = { help: "h", registers };
    const metrics = [
      new Counter({ name: "c", ...options }),
      new Gauge({ name: "g", ...options }),
      new Histogram({ name: "h", buckets: [1, 2], ...options }),
      new Summary({ name: "s", ...options }),
      new Counter({ name: "pc", ...plain }),
      new Gauge({ name: "pg", ...plain }),
      new Histogram({ name: "ph", buckets: [1, 2], ...plain }),
      new Summary({ name: "ps", ...plain }),
    ] as const;
    const [c, g, h, s, pc, pg, ph, ps] = metrics;
    const kept = [c.labels("k"), g.labels("k"), h.labels("k"), s.labels("k")] as const;
    const update = () => {
      kept[0].inc();
      kept[1].set(5);
      kept[2].observe(1.5);
      kept[3].observe(1.5);
      c.inc({ l: 1 });
      g.inc({ l: 1 });
      h.observe({ l: 1 }, 3);
      s.observe({ l: 1 }, 3);
      pc.inc();
      pg.dec();
      ph.observe(0);
      ps.observe(0);
    };
    update();
    await print(registry);
    for (const metric of [c, g, h, s]) metric.remove("k");
    for (const metric of [c, g, h, s]) metric.remove({ l: "unheard of" });
    await print(registry);
    update();
    await print(registry);
    registry.resetMetrics();
    await print(registry);
    update();
    await print(registry);
    h.zero({ l: 1 });
    h.zero({ l: "new" });
    await print(registry);
    registry.removeSingleMetric("c");
    registry.registerMetric(c);
    registry.registerMetric(c);
    await print(registry);
    registry.clear();
    await print(registry);
    update();
    for (const metric of metrics) registry.registerMetric(metric);
    await print(registry);
  });
});

Deno.test("Gauge prints prom-client's bytes when labels are set in other orders and types", async () => {
  await assertSame(async ({ Gauge, print, advance, note, newRegistry }) => {
    const registry = newRegistry();
    const registers = [registry];
    const gauge = new Gauge({ name: "g", help: "h", labelNames: ["a", "b"], registers });
    gauge.set({ a: 1, b: 2 }, 5);
    await print(registry);
    gauge.set({ b: "2", a: 1 }, NaN);
    gauge.inc({ a: 1, b: 2 }, 2);
    gauge.dec({ a: "x" }, 0.1);
    gauge.inc({ a: 0, b: "" });
    gauge.set(-Infinity);
    const kept = gauge.labels("1", "2");
    await print(registry);
    kept.set(1);
    kept.dec();
    kept.dec(7);
    await print(registry);
    advance(12.345);
    gauge.setToCurrentTime({ a: "now" });
    kept.setToCurrentTime();
    await print(registry);
    const alone = new Gauge({ name: "alone", help: "h", registers, aggregator: "max" });
    alone.setToCurrentTime();
    await print(registry);
    await note(() => gauge.startTimer({ a: "t" })({ b: 1 }) >= 0);
    await note(() => kept.startTimer()() >= 0);
    await note(async () => (await gauge.get()).values.length);
  });
});

Deno.test("Histogram prints prom-client's bytes when buckets are odd", async () => {
  await assertSame(
    async ({ Histogram, exponentialBuckets, linearBuckets, print, note, newRegistry }) => {
      const registry = newRegistry();
      const registers = [registry];
      const all = [
        new Histogram({ name: "defaults", help: "h", registers }),
        new Histogram({ name: "none", help: "h", registers, buckets: [] }),
        new Histogram({ name: "infinite", help: "h", registers, buckets: [0, 1, Infinity] }),
        new Histogram({ name: "descending", help: "h", registers, buckets: [10, 5, 1] }),
        new Histogram({
          name: "linear",
          help: "h",
          registers,
          buckets: linearBuckets(-0.5, 0.1, 7),
        }),
        new Histogram({
          name: "powers",
          help: "h",
          registers,
          buckets: exponentialBuckets(1e-7, 3.3, 9),
        }),
      ];
      for (const histogram of all) {
        for (const value of [0, 0.005, 0.1, 1, 1e9, -3, 7, 0.30000000000000004]) {
          histogram.observe(
            value,
          );
        }
      }
      const labelled = new Histogram({ name: "l", help: "h", labelNames: ["b", "a"], registers });
      labelled.observe({ a: 1 }, 0.3);
      labelled.labels("x", "y").observe(4);
      await print(registry);
      await note(async () => (await labelled.get()).values.slice(0, 3));
      await note(() => labelled.startTimer({ a: 1 })({ b: "t" }) >= 0);
      await note(() =>
        labelled.labels({ a: 2 }).startTimer()({ b: "t" }) as unknown as number >= 0
      );
      await note(async () =>
        (await labelled.get()).values.filter((v) => v.metricName === "l_count")
      );
    },
  );
});

Deno.test("Summary prints prom-client's bytes when its window moves", async () => {
  await assertSame(async ({ Summary, print, advance, note, newRegistry }) => {
    const registry = newRegistry();
    const registers = [registry];
    const help = "h";
    const window = { maxAgeSeconds: 10, ageBuckets: 5 };
    const all = [
      new Summary({ name: "ever", help, registers, labelNames: ["l"] }),
      new Summary({ name: "window", help, registers, labelNames: ["l"], ...window }),
      new Summary({
        name: "pruned",
        help,
        registers,
        labelNames: ["l"],
        pruneAgedBuckets: true,
        ...window,
      }),
      new Summary({ name: "chosen", help, registers, percentiles: [0, 0.3, 1], compressCount: 7 }),
    ];
    const early = all[1]!.labels("early");
    for (let i = 0; i < 40; i++) {
      all.forEach((summary, k) => {
        if (k === 3) summary.observe(Math.sin(i));
        else summary.observe({ l: i % 3 }, Math.sin(i * k));
      });
      if (i === 11) early.observe(3);
      advance(i === 25 ? 9 : 0.9);
      if (i % 5 === 0) await print(registry);
    }
    advance(30);
    await print(registry);
    await print(registry);
    all[2]!.observe({ l: "back" }, 1);
    all[0]!.reset();
    await print(registry);
    await note(() => early.startTimer()() >= 0);
    await note(() => all[3]!.startTimer()() >= 0);
  });
});

Deno.test("Summary prints prom-client's quantiles when observations are many, sorted or the same", async () => {
  const shapes: readonly ((i: number) => number)[] = [
    () => Math.random(),
    (i) => i / 7,
    (i) => i % 20,
    () => (Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 30 - 15),
  ];
  await assertSame(async ({ Summary, newRegistry, print }) => {
    const registry = newRegistry();
    shapes.forEach((shape, k) => {
      const registers = [registry];
      const summary = new Summary({ name: `s${k}`, help: "h", registers, compressCount: 1e9 });
      for (let i = 0; i < 6000; i++) summary.observe(shape(i));
    });
    await print(registry);
    await print(registry);
  });
});

Deno.test("Registry prints OpenMetrics like prom-client when counters carry exemplars", async () => {
  await assertSame(async ({ Counter, Gauge, Histogram, print, note, advance, newRegistry }) => {
    const registry = newRegistry(OPEN_METRICS);
    const registers = [registry];
    const help = "h";
    const counter = new Counter({
      name: "a_total",
      help,
      registers,
      labelNames: ["l"],
      enableExemplars: true,
    });
    const plain = new Counter({ name: "b", help, registers, enableExemplars: true });
    new Counter({ name: "c_total", help, registers }).inc();
    new Gauge({ name: "g", help, registers }).set(1);
    const histogram = new Histogram({
      name: "h",
      help,
      registers,
      labelNames: ["l"],
      buckets: [1, 2],
      enableExemplars: true,
    });
    await note(() => registry.getSingleMetricAsString("a_total"));
    await print(registry);
    counter.inc({ labels: { l: 1 }, value: 2, exemplarLabels: { trace: "t", n: 1 } as object });
    advance(1.5);
    counter.inc({ labels: { l: 1 } });
    plain.inc();
    plain.inc({ value: 0, exemplarLabels: {} });
    histogram.observe({ labels: { l: "x" }, value: 1.5, exemplarLabels: { id: "a" } as object });
    histogram.observe({ labels: { l: "x" }, value: 9, exemplarLabels: { id: "b" } as object });
    histogram.observe({ labels: { l: "x" }, value: 0.5 });
    histogram.observe({ labels: { l: "y" }, value: 0.5, exemplarLabels: {} });
    await print(registry);
    advance(1);
    histogram.observe({ labels: { l: "x" }, value: 1.7, exemplarLabels: { id: "c" } as object });
    histogram.zero({ l: "y" });
    await print(registry);
    await note(() =>
      histogram.startTimer({ l: "t" }, { id: "d" } as object)({}, { e: "f" } as object) >= 0
    );
    await note(() => plain.inc({ exemplarLabels: { big: "x".repeat(126) } as object }));
    await note(() => registry.getSingleMetricAsString("a_total"));
    await note(() => registry.getMetricsAsArray().map((metric) => metric.name));
    registry.setContentType("text/plain; version=0.0.4; charset=utf-8");
    await note(() => registry.getSingleMetricAsString("g"));
  });
});

Deno.test("Registry prints prom-client's bytes when default labels are set", async () => {
  await assertSame(async ({ Counter, Histogram, Summary, print, note, newRegistry }) => {
    const registry = newRegistry();
    const registers = [registry];
    const counter = new Counter({ name: "c", help: "h", labelNames: ["app", "l"], registers });
    counter.inc({ l: "x" });
    counter.inc({ app: "own" });
    counter.inc({ app: 0 });
    const histogram = new Histogram({
      name: "h",
      help: "h",
      labelNames: ["app"],
      buckets: [1],
      registers,
    });
    histogram.observe({ app: "own" }, 2);
    histogram.observe(2);
    new Summary({ name: "s", help: "h", registers, percentiles: [0.5] }).observe(1);
    registry.setDefaultLabels({ app: "mine", zone: 7, bad: 'q"' });
    await note(() => registry.metrics());
    await print(registry);
    registry.clear();
    registry.registerMetric(histogram);
    await print(registry);
  });
});

Deno.test("Registry.merge() behaves like prom-client's when registries agree and when they do not", async () => {
  await assertSame(async ({ Counter, note, Registry, newRegistry }) => {
    const [a, b, c] = [
      newRegistry(),
      newRegistry(),
      newRegistry(OPEN_METRICS),
    ];
    const shared = new Counter({ name: "a", help: "h", registers: [a, b] });
    new Counter({ name: "b", help: "h", registers: [b] }).inc();
    const merged = Registry.merge([a, b]);
    await note(() => merged.metrics());
    shared.inc();
    await note(() => merged.metrics());
    new Counter({ name: "b", help: "h", registers: [a] });
    await note(() => Registry.merge([a, b]));
    await note(() => Registry.merge([a, c]));
  });
});

Deno.test("collect() runs as in prom-client when it is set, fails or resets its gauge", async () => {
  await assertSame(async ({ Gauge, Counter, print, note, newRegistry }) => {
    const registry = newRegistry();
    const registers = [registry];
    let calls = 0;
    new Gauge({
      name: "sync",
      help: "h",
      labelNames: ["n"],
      registers,
      collect() {
        this.reset();
        this.set({ n: ++calls }, calls);
      },
    });
    const counter = new Counter({
      name: "async",
      help: "h",
      registers,
      async collect() {
        await Promise.resolve();
        this.inc(2);
      },
    });
    const late = new Gauge({ name: "late", help: "h", registers });
    Object.assign(late, { collect: () => late.set(42) });
    await print(registry);
    await print(registry);
    Object.assign(counter, { collect: () => Promise.reject(new Error("no value today")) });
    await note(() => registry.metrics());
    Object.assign(late, {
      collect: () => {
        throw new RangeError("broken");
      },
    });
    registry.removeSingleMetric("async");
    await note(() => registry.getMetricsAsJSON());
    await note(() => calls);
  });
});
