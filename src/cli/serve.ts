import { resolve, toFileUrl } from "@std/path";
import type { Config } from "../config/config.ts";
import { formatAddress, formatBindAddress } from "../config/parsers.ts";
import { ConfigError } from "../core/errors.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/** `gpe serve APP`: the main job. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Serve an app with several workers, with the metrics of all beside it",
  operand: "APP",
  details: `APP is a module with "export default { fetch }", or one that calls Deno.serve or listens
with node:http. SIGTERM and SIGINT let the workers finish their requests and end everything.`,
  groups: ["storage", "retire", "endpoint", "serve", "log"],
  async run({ loaded: { config }, operand = "", log, io }) {
    refuseSharedPort(config);
    refuseUnixSocket(config);
    // Before anything relative is looked for.
    changeDirectory(config.workingDirectory);
    const app = await findApp(operand);
    const { runServe } = await import("../adapters/deno/serve.ts");
    return await runServe({
      config: withAbsolutePaths(config),
      app,
      log,
      print(text) {
        // A service goes on when nobody reads what it prints.
        io.stdout(`${text}\n`).catch((error) => log.warn("Cannot print the addresses", { error }));
      },
    });
  },
};

/** The app as a URL. Anything with a scheme is left to the runtime, which also loads `https:` and `npm:`. */
async function findApp(operand: string): Promise<URL> {
  if (/^[a-z][a-z0-9+.-]+:/i.test(operand)) return new URL(operand);
  const path = resolve(operand);
  const quoted = JSON.stringify(operand);
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    const state = error instanceof Deno.errors.NotFound ? "no such file" : String(error);
    throw new UsageError(`Cannot serve ${quoted}: ${state}, expected a module`);
  }
  if (!info.isFile) throw new UsageError(`Cannot serve ${quoted}: not a file, expected a module`);
  return toFileUrl(path);
}

/** What a Unix socket cannot do. */
function refuseUnixSocket({ bind, workers, certificate }: Config): void {
  if (!("path" in bind)) return;
  const quoted = JSON.stringify(formatBindAddress(bind));
  const problems: string[] = [];
  if (workers > 1) {
    problems.push(
      `--workers is ${workers}, expected 1 with --bind ${quoted}: ` +
        "processes cannot share a Unix socket",
    );
  }
  if (certificate !== undefined) {
    problems.push(`--certfile is given, expected none with --bind ${quoted}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function changeDirectory(path: string | undefined): void {
  if (path === undefined) return;
  try {
    Deno.chdir(path);
  } catch (error) {
    const state = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`--chdir is ${JSON.stringify(path)}: ${state}, expected a directory`]);
  }
}

/** The application may change the working directory of its process. */
function withAbsolutePaths(config: Config): Config {
  const { accessLog, bind, certificate, pidFile } = config;
  return {
    ...config,
    bind: "path" in bind ? { path: resolve(bind.path) } : bind,
    pidFile: pidFile && resolve(pidFile),
    certificate: certificate && {
      certfile: resolve(certificate.certfile),
      keyfile: resolve(certificate.keyfile),
    },
    accessLog: accessLog && accessLog.path !== "-"
      ? { ...accessLog, path: resolve(accessLog.path) }
      : accessLog,
  };
}

/** With one port for both, either would fail, and only once the other one runs. */
function refuseSharedPort({ bind, metrics }: Config): void {
  if ("path" in bind || bind.port === 0 || bind.port !== metrics.port) return;
  const every = ["0.0.0.0", "::"];
  const overlap = bind.hostname === metrics.hostname ||
    every.includes(bind.hostname) || every.includes(metrics.hostname);
  if (!overlap) return;
  throw new ConfigError([
    `--bind is ${JSON.stringify(formatAddress(bind))}, expected another port than that of the ` +
    `metrics endpoint, ${JSON.stringify(formatAddress(metrics))}`,
  ]);
}
