import { assertEquals, assertStringIncludes } from "@std/assert";
import { SETTING_KEYS, SETTINGS } from "../../src/config/settings.ts";
import denoJson from "../../deno.json" with { type: "json" };
import { gpe } from "./fake_io.ts";

Deno.test("gpe --version prints the version of deno.json", async () => {
  for (const flag of ["--version", "-V"]) {
    assertEquals(await gpe([flag]), { code: 0, stdout: `gpe ${denoJson.version}\n`, stderr: "" });
  }
});

Deno.test("gpe --help lists the commands", async () => {
  const { code, stdout, stderr } = await gpe(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  for (const line of ["serve APP ", "exporter ", "dump ", "clean ", "config "]) {
    assertStringIncludes(stdout, `\n  ${line}`);
  }
});

Deno.test("gpe COMMAND --help lists the flags, variables and defaults of the command", async () => {
  const { stdout } = await gpe(["serve", "-h"]);
  for (const { flag, env } of SETTING_KEYS.map((key) => SETTINGS[key])) {
    if (flag !== undefined) assertStringIncludes(stdout, ` --${flag} `);
    if (env !== undefined) assertStringIncludes(stdout, env);
  }
  assertStringIncludes(stdout, "[PROMETHEUS_METRICS_PORT, 9091]");
  const dump = (await gpe(["dump", "--help"])).stdout;
  assertStringIncludes(dump, "text, openmetrics, json [text]");
  assertEquals(dump.includes("--workers"), false);
});

Deno.test("gpe names the near match of what it does not know, and exits with 2", async () => {
  const cases: readonly [args: string[], stderr: string][] = [
    [["serve", "--worker", "2"], 'Unknown flag "--worker", did you mean "--workers"?'],
    [["serve", "--worker=2", "a.ts"], 'Unknown flag "--worker", did you mean "--workers"?'],
    [["exprter"], 'Unknown command "exprter", did you mean "exporter"?'],
    [["frobnicate"], 'Unknown command "frobnicate", expected serve, exporter, dump, clean, config'],
    [["dump", "--workers", "2"], 'Unknown flag "--workers", see --help'],
    [["config", "-x"], 'Unknown flag "-x", see --help'],
    [["dump", "extra"], 'Unexpected argument "extra", expected none'],
    [["serve", "a.ts", "b.ts"], 'Unexpected argument "b.ts", expected one APP'],
    [["dump", "--format", "xml"], '--format is "xml", expected "text", "openmetrics" or "json"'],
    [["dump", "--dir="], '--dir is "", expected a value'],
    [["dump", "--dir"], '--dir is "", expected a directory'],
    [["serve"], 'No APP given, see "gpe serve --help"'],
    [[], 'No command given, see "gpe --help"'],
  ];
  for (const [args, message] of cases) {
    assertEquals(await gpe(args), { code: 2, stdout: "", stderr: `gpe: ${message}\n` });
  }
});

Deno.test("gpe lists every problem of the configuration, and exits with 2", async () => {
  const env = { PROMETHEUS_METRICS_PORT: "abc", GUNICORN_WORKERS: "0" };
  assertEquals(await gpe(["config", "--log-level", "loud"], env), {
    code: 2,
    stdout: "",
    stderr: 'gpe: PROMETHEUS_METRICS_PORT is "abc", expected a port from 0 to 65535\n' +
      'gpe: GUNICORN_WORKERS is "0", expected a whole number from 1 to 1024\n' +
      'gpe: --log-level is "loud", expected "debug", "info", "warn" or "error"\n',
  });
});

Deno.test("gpe config prints each value with its origin, aligned", async () => {
  const args = ["config", "--bind", ":80", "--deno-flag", "--allow-net", "--deno-flag=--allow-env"];
  const { code, stdout } = await gpe(args, { GUNICORN_WORKERS: "3" });
  assertEquals(code, 0);
  const rows = stdout.trimEnd().split("\n");
  assertEquals(rows.length, SETTING_KEYS.length);
  const find = (name: string) => rows.find((row) => row.startsWith(`${name} `))?.split(/ {2,}/);
  assertEquals(find("workers"), ["workers", "3", "GUNICORN_WORKERS"]);
  assertEquals(find("bind"), ["bind", "0.0.0.0:80", "--bind"]);
  assertEquals(find("deno-flag"), ["deno-flag", "--allow-net --allow-env", "--deno-flag"]);
  assertEquals(find("metrics-port"), ["metrics-port", "9091", "default"]);
  const ends = rows.map((row) => row.search(/\S+$/));
  assertEquals(new Set(ends).size, 1, "the origins stand in one column");
});

Deno.test("gpe config takes --reload alone, and a dash as a value", async () => {
  const value = async (name: string, ...args: string[]): Promise<string | undefined> => {
    const { stdout } = await gpe(["config", "--format", "json", ...args]);
    return JSON.parse(stdout).find((row: { name: string }) => row.name === name)?.value;
  };
  assertEquals(await value("reload"), "false");
  assertEquals(await value("reload", "--reload", "--workers", "2"), "true");
  assertEquals(await value("deno-flag", "--deno-flag", "--reload"), "--reload");
  assertEquals(await value("access-log", "--reload", "--access-log", "-"), "-");
});

Deno.test("gpe config --format json prints the same for programs", async () => {
  const { stdout } = await gpe(["config", "--format", "json", "--workers", "2"]);
  const rows = JSON.parse(stdout) as { name: string; value: string; origin: string }[];
  assertEquals(rows.map(({ name }) => name).includes("REDIS_HOST"), true);
  assertEquals(rows.find(({ name }) => name === "workers"), {
    name: "workers",
    value: "2",
    origin: "--workers",
  });
});

Deno.test("gpe config shows where Redis is and no secret", async () => {
  const url = "redis://app:s3cret-1@redis.internal:6380/2";
  const { code, stdout } = await gpe(["config", "--redis-url", url], {
    REDIS_PASSWORD: "s3cret-2",
    REDIS_SENTINEL_PASSWORD: "s3cret-3",
    REDIS_KEY_PREFIX: "shop",
  });
  assertEquals(code, 0);
  const row = (name: string): string[] =>
    stdout.split("\n").find((line) => line.startsWith(`${name} `))!.split(/ {2,}/);
  assertEquals(row("redis-url").slice(1), [
    "redis://***@redis.internal:6380/2",
    "--redis-url",
  ]);
  assertEquals(row("REDIS_PASSWORD").slice(1), ["***", "REDIS_PASSWORD"]);
  assertEquals(row("REDIS_KEY_PREFIX").slice(1), ["shop", "REDIS_KEY_PREFIX"]);
  assertEquals(stdout.includes("s3cret"), false);
});

Deno.test("gpe serve exits with 2 when the app cannot be a module", async () => {
  const app = "tests/cli/no_such_app.ts";
  assertEquals(await gpe(["serve", app]), {
    code: 2,
    stdout: "",
    stderr: `gpe: Cannot serve "${app}": no such file, expected a module\n`,
  });
  assertEquals(
    (await gpe(["serve", "tests/cli"])).stderr,
    'gpe: Cannot serve "tests/cli": not a file, expected a module\n',
  );
});

Deno.test("gpe serve refuses one port for the app and the metrics", async () => {
  const { code, stderr } = await gpe(["serve", "mod.ts", "--bind", ":9091"]);
  assertEquals(code, 2);
  assertEquals(
    stderr,
    'gpe: --bind is "0.0.0.0:9091", expected another port than that of the metrics endpoint, "0.0.0.0:9091"\n',
  );
});
