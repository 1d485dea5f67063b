import { assertEquals, assertThrows } from "@std/assert";
import { storagePlace } from "../../../src/adapters/storage/place.ts";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { tempDir } from "../../support/temp_dir.ts";

function configOf(env: Record<string, string>): Config {
  return loadConfig({ flags: {}, env: (name) => env[name] }).config;
}

Deno.test("storagePlace() is the directory, or Redis when that is on", () => {
  const env = { PROMETHEUS_MULTIPROC_DIR: "/srv/metrics", REDIS_HOST: "redis.internal" };
  assertEquals(storagePlace(configOf(env), "web-1"), {
    kind: "directory",
    directory: "/srv/metrics",
    layout: "timestamp",
  });
  const place = storagePlace(configOf({ ...env, REDIS_ENABLED: "true" }), "web-1");
  assertEquals(place.kind === "redis" && [place.redis.host, place.host], [
    "redis.internal",
    "web-1",
  ]);
  // It is sent to workers as JSON.
  assertEquals(JSON.parse(JSON.stringify(place)), place);
});

Deno.test("storagePlace() reads the certificates that Redis is trusted by", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/ca.pem`;
  const config = configOf({ REDIS_ENABLED: "true", REDIS_SSL_CAFILE: file });
  assertThrows(
    () => storagePlace(config, "web-1"),
    ConfigError,
    `REDIS_SSL_CAFILE is "${file}": ENOENT`,
  );
  await Deno.writeTextFile(file, "PEM");
  const place = storagePlace(config, "web-1");
  assertEquals(place.kind === "redis" && place.redis.tls, { ca: "PEM" });
});
