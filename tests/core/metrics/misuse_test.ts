import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { Counter, Gauge, Histogram, Registry, Summary } from "../../../src/core/mod.ts";
import { MetricMisuse } from "../../../src/core/errors.ts";

const registers = [new Registry()];
const help = "h";
const count = new Counter({ name: "count", help, labelNames: ["l"], registers });
const level = new Gauge({ name: "level", help, labelNames: ["l"], registers });
const size = new Histogram({ name: "size", help, registers });
const time = new Summary({ name: "time", help, registers });
const bad = "5" as never;

/** What is done, prom-client's message, and what the cause says. */
const CASES: readonly (readonly [() => unknown, string, string])[] = [
  [
    () => new Counter({ name: "c", registers } as never),
    "Missing mandatory help parameter",
    'Cannot create counter "c": help is undefined, expected a text',
  ],
  [
    () => new Gauge({ help, registers } as never),
    "Missing mandatory name parameter",
    "Cannot create gauge: name is undefined, expected a text",
  ],
  [
    () => new Histogram({ name: "h", help, labelNames: ["le"], registers }),
    "le is a reserved label keyword",
    'Cannot create histogram "h": labelNames has "le", which it needs for itself, ' +
    "expected another name",
  ],
  [
    () => count.inc({ l: "x" }, bad),
    "Value is not a valid number: 5",
    'Cannot add to counter "count": value is "5", expected a finite number of 0 or more',
  ],
  [
    () => count.labels("x").inc(-0.5),
    "It is not possible to decrease a counter",
    'Cannot add to counter "count": value is -0.5, expected a finite number of 0 or more',
  ],
  [
    () => level.set({ l: "x" }, bad),
    "Value is not a valid number: 5",
    'Cannot set gauge "level": value is "5", expected a number',
  ],
  [
    () => level.labels("x").inc(bad),
    "Delta is not a valid number: 5",
    'Cannot add to gauge "level": value is "5", expected a number',
  ],
  [
    () => level.labels("x").set(bad),
    "Value is not a valid number: 5",
    'Cannot set gauge "level": value is "5", expected a number',
  ],
  [
    () => size.labels().observe(NaN),
    "Value is not a valid number: NaN",
    'Cannot observe with histogram "size": value is NaN, expected a finite number',
  ],
  [
    () => time.observe(Infinity),
    "Value is not a valid number: Infinity",
    'Cannot observe with summary "time": value is Infinity, expected a finite number',
  ],
];

for (const [act, message, detail] of CASES) {
  Deno.test(`errors name the metric and the value when it is: ${detail}`, () => {
    const { message: said, cause } = assertThrows(act, Error);
    assertEquals(said, message);
    assertInstanceOf(cause, MetricMisuse);
    assertEquals(cause.message, detail);
  });
}
