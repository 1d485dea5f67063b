import { assert, assertEquals } from "@std/assert";
import { AggregatorRegistry, Counter, openStorage, Registry } from "../../mod.ts";
import { tempDir } from "../support/temp_dir.ts";

// The page stays for the life of the process, with a timer that keeps nothing alive.
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "AggregatorRegistry.clusterMetrics() prints what its content type says",
  options,
  async () => {
    await using dir = await tempDir();
    await using _storage = openStorage({ directory: dir.path });
    new Counter({ name: "c_total", help: "h", registers: [new Registry()] }).inc(2);
    const registry = new AggregatorRegistry();
    const text = await registry.clusterMetrics();
    assert(text.includes("# TYPE c_total counter\nc_total 2\n"), text);
    registry.setContentType(AggregatorRegistry.OPENMETRICS_CONTENT_TYPE as never);
    const open = await registry.clusterMetrics();
    assert(open.includes("# TYPE c counter\nc_total 2\n"), open);
    assertEquals(open.slice(-7), "\n# EOF\n");
  },
);
