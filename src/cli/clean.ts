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
  async run({ loaded, switches, log, io }) {
    refuseRedis(loaded.config);
    const { writtenStorage } = await import("./storages.ts");
    await using storage = writtenStorage(loaded, log);
    await storage.check();
    if (switches.has("all")) {
      await io.stdout(`Removed ${storage.unit}: ${await storage.removeAll()}\n`);
      return 0;
    }
    const { writers, removed, problems } = await storage.retire();
    for (const { source, message } of problems) log.warn(message, { source });
    await io.stdout(`Retired writers: ${writers}, removed ${storage.unit}: ${removed}\n`);
    return problems.length === 0 ? 0 : 1;
  },
};
