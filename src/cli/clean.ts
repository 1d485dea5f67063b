import type { Command } from "./command.ts";

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
    const { writtenStorages } = await import("./storages.ts");
    // What does not work ends the command, which says so.
    const once = { ...log, error: log.debug };
    await using running = new AsyncDisposableStack();
    const storages = writtenStorages(loaded, once).map((storage) => running.use(storage));
    for (const storage of storages) await storage.check();
    let problemCount = 0;
    for (const storage of storages) {
      if (switches.has("all")) {
        await io.stdout(`Removed ${storage.unit}: ${await storage.removeAll()}\n`);
        continue;
      }
      const { writers, removed, problems } = await storage.retire({ patient: false });
      for (const { source, message } of problems) log.warn(message, { source });
      problemCount += problems.length;
      await io.stdout(`Retired writers: ${writers}, removed ${storage.unit}: ${removed}\n`);
    }
    return problemCount === 0 ? 0 : 1;
  },
};
