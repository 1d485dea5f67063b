import type { Family } from "../core/family.ts";
import type { Command } from "./command.ts";

/** `gpe dump`: what a scrape would show now, without the endpoint's own metrics. */
export const dumpCommand: Command = {
  name: "dump",
  summary: "Print one aggregated scrape of a directory",
  details: "What is skipped because it is damaged is named on stderr; the rest is printed.",
  groups: ["storage", "log"],
  formats: ["text", "openmetrics", "json"],
  async run({ loaded, format, log, io }) {
    const [{ readTogether, writtenStorages }, { createAggregator }, render] = await Promise.all([
      import("./storages.ts"),
      import("../core/aggregate.ts"),
      loadRenderer(format),
    ]);
    // What does not work ends the command, which says so.
    const once = { ...log, error: log.debug };
    await using running = new AsyncDisposableStack();
    const storages = writtenStorages(loaded, once).map((storage) => running.use(storage));
    for (const storage of storages) await storage.check();
    const reader = running.use(readTogether(storages).reader);
    const snapshot = await reader.read();
    const { families, problems, conflicts } = createAggregator().aggregate(snapshot);
    for (const { source, message } of [...snapshot.problems, ...problems]) {
      log.warn(message, { source });
    }
    for (const { name, message } of conflicts) log.warn(message, { metric: name });
    await io.stdout(render(families));
    return 0;
  },
};

async function loadRenderer(format: string): Promise<(families: readonly Family[]) => string> {
  switch (format) {
    case "openmetrics":
      return (await import("../core/exposition_openmetrics.ts")).renderOpenMetrics;
    case "json":
      return (await import("../core/exposition_json.ts")).renderJson;
    default:
      return (await import("../core/exposition_text.ts")).renderText;
  }
}
