import { assertEquals } from "@std/assert";
import { watchModules } from "../../../src/adapters/deno/watch_modules.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";

Deno.test("watchModules() tells when a module of the application changes, and nothing else", async () => {
  await using dir = await tempDir();
  const path = (name: string): string => `${dir.path}/${name}`;
  await Deno.mkdir(path("lib"));
  await Deno.writeTextFile(path("app.ts"), 'import "./lib/part.ts";\n');
  await Deno.writeTextFile(path("lib/part.ts"), "export {};\n");
  await Deno.writeTextFile(path("lib/late.ts"), "export {};\n");
  const changes: string[] = [];
  await using _watching = watchModules({
    app: new URL(`file://${path("app.ts")}`),
    denoFlags: [],
    onChange: (changed) => void changes.push(changed),
    log: SILENT_LOG,
  });
  /** Writes until it is noticed: nobody says when the watching has begun. */
  const change = async (name: string, text: string): Promise<void> => {
    const before = changes.length;
    await waitFor(async () => {
      if (changes.indexOf(path(name), before) >= 0) return true;
      await Deno.writeTextFile(path(name), text);
      return false;
    }, { intervalMs: 250, what: `the change of ${name}` });
  };
  await change("lib/part.ts", 'import "./late.ts";\n');
  await Deno.writeTextFile(path("access.log"), "not a module\n");
  await Deno.writeTextFile(path("lib/other.ts"), "export {};\n");
  await change("lib/late.ts", "export const late = true;\n");
  await change("app.ts", 'import "./lib/part.ts\n'); // half-written
  await change("app.ts", 'import "./lib/other.ts";\n');
  await change("lib/other.ts", "export const other = true;\n");

  // As editors do it: a new file takes the place of the old one.
  await change("app.ts", 'import "./lib/other.ts"; // again\n');
  await waitFor(async () => {
    if (changes.at(-1) === path("lib/other.ts")) return true;
    await Deno.writeTextFile(path("lib/.other.swp"), "export const other = 2;\n");
    await Deno.rename(path("lib/.other.swp"), path("lib/other.ts"));
    return false;
  }, { intervalMs: 250 });

  const order = changes.filter((changed, index) => changed !== changes[index - 1]);
  assertEquals(
    order,
    ["lib/part.ts", "lib/late.ts", "app.ts", "lib/other.ts", "app.ts", "lib/other.ts"].map(path),
  );
});
