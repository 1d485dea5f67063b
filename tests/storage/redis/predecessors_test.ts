import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ExactSum } from "../../../src/core/exact_sum.ts";
import { FamilyCells } from "../../../src/storage/redis/family_cells.ts";
import { Contribution, Predecessors } from "../../../src/storage/redis/predecessors.ts";
import { randomDoubles } from "../../support/random.ts";

Deno.test("difference() and all contributions add up to the value, also when old ones are merged", () => {
  const cells = new FamilyCells("counter", undefined, "x", "Help", false);
  const predecessors = new Predecessors();
  const counted = Array.from({ length: 50 }, () => new ExactSum());
  for (let life = 0; life < 12; life++) {
    const values = randomDoubles(counted.length, life + 1);
    const contribution = new Contribution();
    for (const [index, sum] of counted.entries()) {
      const difference = predecessors.difference(cells, index, values[index]!);
      const total = new ExactSum();
      total.addSum(sum);
      for (const double of difference) total.add(double);
      assertStrictEquals(total.rounded(), values[index]);
      assertEquals(total.components(), []);
      assertStrictEquals(predecessors.restore(cells, index, difference), values[index]);
      contribution.set(cells, index, difference);
      for (const double of difference) sum.add(double);
    }
    predecessors.push({ writer: `${life}`, sequence: 1, contribution, checkedUntil: 100 });
    predecessors.settle(0);
    assert(predecessors.checked.length <= 7);
  }
  assertEquals(predecessors.checked.map(({ writer }) => writer), [
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "11",
  ]);
  predecessors.settle(100);
  assertEquals(predecessors.checked, []);
  const value = counted[0]!.rounded();
  assertEquals(predecessors.difference(cells, 0, value), [0]);
  predecessors.clear();
  assert(predecessors.empty);
  assertEquals(predecessors.difference(cells, 0, value), [value]);
});

Deno.test("difference() of what was infinite or NaN adds nothing to the same", () => {
  const cells = new FamilyCells("counter", undefined, "x", "Help", false);
  for (const special of [Infinity, -Infinity, NaN]) {
    const predecessors = new Predecessors();
    const contribution = new Contribution();
    contribution.set(cells, 0, [special]);
    predecessors.push({ writer: "w", sequence: 1, contribution, checkedUntil: 100 });
    assertEquals(predecessors.difference(cells, 0, special), [0]);
    assertEquals(predecessors.difference(cells, 0, 5), [5]);
    assertEquals(predecessors.difference(cells, 1, 5), [5]);
  }
});
