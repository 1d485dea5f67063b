import type { Command } from "./command.ts";
import { refuseRedis } from "./redis.ts";

/** `gpe clean`: retire dead writers now, or remove everything. */
export const cleanCommand: Command = {
  name: "clean",
  summary: "Fold the files of dead writers into the totals now",
  details:
    `Totals stay as they are; only the number of files changes. Writers that live, or of which
nobody can say whether they do, are left alone.`,
  groups: ["storage", "retire", "log"],
  switches: [["all", "Remove every metric file, totals included; refused while a writer lives"]],
  async run({ loaded: { config }, switches, log, io }) {
    refuseRedis(config);
    const [
      { assertDirectory },
      { denoFilePrimitives: primitives },
      { removeAll },
      { retireWriters },
    ] = await Promise.all([
      import("./directory_reader.ts"),
      import("../adapters/deno/file_primitives.ts"),
      import("../storage/filesystem/remove_all.ts"),
      import("../storage/filesystem/retire.ts"),
    ]);
    const { directory, retire: foreign } = config;
    await assertDirectory(directory);
    if (switches.has("all")) {
      const files = await removeAll({ directory, primitives, log });
      await io.stdout(`Removed files: ${files}\n`);
      return 0;
    }
    const { folded, files, problems } = await retireWriters({ directory, primitives, foreign });
    for (const { source, message } of problems) log.warn(message, { source });
    await io.stdout(`Retired writers: ${folded}, removed files: ${files}\n`);
    return problems.length === 0 ? 0 : 1;
  },
};
