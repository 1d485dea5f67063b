import { runDriverSuite } from "../../conformance/driver_suite.ts";
import { openFilesystemHarness } from "../../conformance/filesystem_harness.ts";
import { KINDS, LAYOUTS, PRIMITIVES } from "./_support.ts";

for (const kind of KINDS) {
  for (const layout of LAYOUTS) {
    runDriverSuite(
      `filesystem (${kind}, ${layout})`,
      () => openFilesystemHarness(PRIMITIVES[kind], layout),
    );
  }
}

runDriverSuite(
  "filesystem (without locks)",
  () => openFilesystemHarness(PRIMITIVES.unlocked, "timestamp"),
);
