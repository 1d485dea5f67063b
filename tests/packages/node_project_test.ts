import { assertEquals, assertStringIncludes } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { NODE_VERSIONS, nodeProject } from "../support/node_project.ts";
import { spawn } from "../support/spawn.ts";

const PROGRAM = `
import { Counter, register } from "@gpe/cli";
import * as node from "@gpe/cli/node";
const found = await import("koffi").then(() => true, (error) => error.code);
new Counter({ name: "a_total", help: "A" }).inc(2);
console.log(process.version, found, typeof node, (await register.metrics()).split("\\n")[2]);
`;

externalTest(
  "nodeProject() runs programs that import the package on each Node, with koffi where it is mapped",
  ["npm"],
  async () => {
    const project = await nodeProject();
    for (const kind of ["plain", "mapped"] as const) {
      await using folder = await project.folder(kind);
      await Deno.writeTextFile(`${folder.path}/main.mjs`, PROGRAM);
      for (const version of NODE_VERSIONS) {
        await using program = spawn(project.node(version), ["main.mjs"], { cwd: folder.path });
        const { code } = await program.status;
        assertEquals([code, program.stderr], [0, ""]);
        assertStringIncludes(program.stdout, `v${version}.`);
        const koffi = kind === "mapped" ? "true" : "ERR_MODULE_NOT_FOUND";
        assertStringIncludes(program.stdout, ` ${koffi} object a_total 2\n`);
      }
    }
  },
);
