import { formatAddress } from "../config/parsers.ts";
import { VERSION } from "../version.ts";
import type { Command } from "./command.ts";

/** `gpe exporter`: the metrics endpoint alone, over what others write. */
export const exporterCommand: Command = {
  name: "exporter",
  summary: "Serve the metrics of a directory, or of Redis, that other programs write",
  details:
    `With Redis and a directory that was given, one page shows both. The directory may come later
than the exporter: until it is there, /metrics has the exporter's own metrics and /readyz says 503.
SIGTERM and SIGINT end it.`,
  groups: ["storage", "retire", "endpoint", "log"],
  async run({ loaded, log, io }) {
    const { config } = loaded;
    const [
      { readTogether, writtenStorages },
      { createMetricsEndpoint },
      { serveMetricsEndpoint },
      { startRetiring },
      { RUNTIME },
    ] = await Promise.all([
      import("./storages.ts"),
      import("../endpoint/mod.ts"),
      import("../adapters/deno/metrics_server.ts"),
      import("../adapters/storage/retiring.ts"),
      import("../adapters/this_runtime.ts"),
    ]);
    const { metrics, metricPrefix } = config;
    await using running = new AsyncDisposableStack();
    const storages = await writtenStorages(loaded, log);
    for (const storage of storages) {
      running.use(storage);
      // In Redis whoever comes first does it; a directory may be another one's to change.
      const retires = storage.place.kind === "redis" || config.retire;
      if (retires) running.use(startRetiring({ retire: storage.retire, log })).soon();
    }
    const { reader, about, fields } = readTogether(storages);
    const handler = createMetricsEndpoint({
      ...about,
      reader: running.use(reader),
      metricPrefix,
      version: VERSION,
      runtime: RUNTIME.name,
      log,
    });
    await using server = serveMetricsEndpoint({ handler, ...metrics, log });
    log.info("Serving metrics", {
      url: `http://${formatAddress(server)}/metrics`,
      ...fields,
    });
    await io.stopRequested();
    log.info("Stopping");
    return 0;
  },
};
