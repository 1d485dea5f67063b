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
import { configCommand } from "./config_command.ts";
import { dumpCommand } from "./dump.ts";
import { exporterCommand } from "./exporter.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { type CliIo, denoIo } from "./io.ts";
import { createLog } from "./log.ts";
import { serveCommand } from "./serve.ts";
import { UsageError } from "./usage_error.ts";

const COMMANDS: readonly Command[] = [serveCommand, exporterCommand, dumpCommand, configCommand];

/**
 * Runs the command line.
 *
 * @param args The words after the program's name.
 * @returns The exit code: 0 ok, 1 failure at run time, 2 usage or configuration.
 */
export async function main(args: readonly string[], io: CliIo = denoIo): Promise<number> {
  let loaded: LoadedConfig | undefined;
  try {
    const { command, operand, format, help, version, flags } = readArguments(args, COMMANDS);
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
      log,
      io,
    });
  } catch (error) {
    // Whoever read our output has seen enough, as in "gpe dump | head -1".
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    io.stderr(describeError(error, loaded));
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

async function print(io: CliIo, text: string): Promise<number> {
  await io.stdout(text);
  return 0;
}

/** One line a problem; the stack only for who asked for everything. */
function describeError(error: unknown, loaded: LoadedConfig | undefined): string {
  if (error instanceof ConfigError) return error.problems.map((line) => `gpe: ${line}\n`).join("");
  if (!(error instanceof Error)) return `gpe: ${String(error)}\n`;
  const stack = loaded?.config.logLevel === "debug" ? `${error.stack}\n` : "";
  return `gpe: ${error.message.replaceAll("\n", " ")}\n${stack}`;
}
