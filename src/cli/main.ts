/**
 * The command line: reads the arguments, loads the configuration, runs a subcommand, and turns
 * errors into exit codes.
 *
 * @module
 */
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { ConfigError } from "../core/errors.ts";
import { VERSION } from "../version.ts";
import { readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { cleanCommand } from "./clean.ts";
import { configCommand } from "./config_command.ts";
import { dumpCommand } from "./dump.ts";
import { exporterCommand } from "./exporter.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { type CliIo, denoIo } from "./io.ts";
import { createLog } from "../adapters/service/log.ts";
import { serveCommand } from "./serve.ts";
import { UsageError } from "./usage_error.ts";

const COMMANDS: readonly Command[] = [
  serveCommand,
  exporterCommand,
  dumpCommand,
  cleanCommand,
  configCommand,
];

/**
 * Runs the command line.
 *
 * @param args The words after the program's name.
 * @returns The exit code: 0 ok, 1 failure at run time, 2 usage or configuration.
 */
export async function main(args: readonly string[], io: CliIo = denoIo): Promise<number> {
  let loaded: LoadedConfig | undefined;
  try {
    const { command, operand, format, switches, help, version, flags } = readArguments(
      args,
      COMMANDS,
    );
    if (version) return await print(io, `gpe ${VERSION}\n`);
    if (help) return await print(io, command ? commandHelp(command) : generalHelp(COMMANDS));
    if (command === undefined) throw new UsageError(`No command given, see "gpe --help"`);
    if (command.operand !== undefined && operand === undefined) {
      throw new UsageError(`No ${command.operand} given, see "gpe ${command.name} --help"`);
    }
    loaded = loadConfig({ flags, env: io.env });
    const { logLevel: level, logFormat } = loaded.config;
    const log = createLog({ level, format: logFormat, write: io.stderr });
    return await command.run({
      loaded,
      operand,
      format: format ?? command.formats?.[0] ?? "",
      switches,
      log,
      io,
    });
  } catch (error) {
    // Whoever read our output has seen enough, as in "gpe dump | head -1".
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    reportError(error, loaded, io);
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

async function print(io: CliIo, text: string): Promise<number> {
  await io.stdout(text);
  return 0;
}

/** One line a problem; the stack only for who asked for everything. */
function reportError(error: unknown, loaded: LoadedConfig | undefined, io: CliIo): void {
  const { logLevel = "info", logFormat = "text" } = loaded?.config ?? {};
  const problems = error instanceof ConfigError
    ? error.problems
    : [error instanceof Error ? error.message.replaceAll("\n", " ") : String(error)];
  const stack = error instanceof Error && logLevel === "debug" ? error.stack : undefined;
  if (logFormat === "json") {
    const log = createLog({ level: "error", format: "json", write: io.stderr });
    for (const problem of problems) log.error(problem, { stack });
    return;
  }
  io.stderr(problems.map((problem) => `gpe: ${problem}\n`).join(""));
  if (stack !== undefined) io.stderr(`${stack}\n`);
}
