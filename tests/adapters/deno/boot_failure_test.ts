import { assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import {
  describeLoadFailure,
  describeMissingHandler,
  shortName,
} from "../../../src/adapters/deno/boot_failure.ts";
import { tempDir } from "../../support/temp_dir.ts";

async function failureOf(source: string) {
  await using dir = await tempDir();
  const url = new URL(`file://${dir.path}/app.ts`).href;
  await Deno.writeTextFile(`${dir.path}/app.ts`, source);
  try {
    await import(url);
  } catch (error) {
    return { failure: describeLoadFailure(url, error), path: `${dir.path}/app.ts`, url };
  }
  throw new Error("The module was loaded");
}

Deno.test("describeLoadFailure() names the line when the application is not valid code", async () => {
  const { failure, path, url } = await failureOf("export const a = 1;\nconst x = ;\n");
  assertEquals(
    failure.message,
    `Cannot load "${path}": SyntaxError: Expression expected (${url}:2:11)`,
  );
  assertEquals(failure.permanent, true);
});

Deno.test("describeLoadFailure() names the import when a module is missing", async () => {
  const { failure, url } = await failureOf('import "./nowhere.ts";\n');
  assertStringIncludes(failure.message, "nowhere.ts");
  assertStringIncludes(failure.message, `${url}:1:8`);
  assertEquals(failure.permanent, true);
  assertFalse(failure.message.includes("\n"));
});

Deno.test("describeLoadFailure() gives class, message and line when the application throws", async () => {
  const { failure, path, url } = await failureOf('throw new RangeError("too far\\nmore");\n');
  assertEquals(failure.message, `Cannot load "${path}": RangeError: too far (${url}:1:7)`);
  assertEquals(failure.permanent, false);
  assertMatch(failure.stack ?? "", /RangeError: too far/);
});

Deno.test("describeLoadFailure() is not permanent when the application parses bad JSON", async () => {
  const { failure } = await failureOf('JSON.parse("{");\n');
  assertEquals(failure.permanent, false);
  assertStringIncludes(failure.message, "SyntaxError");
});

Deno.test("describeLoadFailure() shows the value when it is not an Error", async () => {
  const { failure, path } = await failureOf('throw "no";\n');
  assertEquals(failure, { message: `Cannot load "${path}": it threw "no"`, permanent: false });
});

Deno.test("describeLoadFailure() names the application's line when our code threw", () => {
  const own = new URL("../../../src/core/counter.ts", import.meta.url).href;
  const error = new Error("Invalid metric name");
  error.stack = `Error: Invalid metric name\n    at new Counter (${own}:9:1)\n` +
    "    at file:///srv/app.ts:3:4";
  assertStringIncludes(
    describeLoadFailure("file:///srv/app.ts", error).message,
    "(file:///srv/app.ts:3:4)",
  );
});

Deno.test("describeMissingHandler() names the application and what was expected", () => {
  const { message, permanent } = describeMissingHandler("file:///srv/my%20app.ts");
  assertStringIncludes(message, 'Cannot serve "/srv/my app.ts": it has no handler, expected');
  assertEquals(permanent, true);
});

Deno.test("shortName() leaves the URL as it is when it is not a file", () => {
  assertEquals(shortName("https://example.com/a%20b.ts"), "https://example.com/a%20b.ts");
});
