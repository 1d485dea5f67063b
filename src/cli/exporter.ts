import { formatAddress } from "../config/parsers.ts";
import { VERSION } from "../version.ts";
import type { Command } from "./command.ts";
import { refuseRedis } from "./redis.ts";

/** `gpe exporter`: the metrics endpoint alone, over a directory that others write. */
export const exporterCommand: Command = {
  name: "exporter",
  summary: "Serve the metrics of a directory that other programs write",
  details: `The directory may come later than the exporter: until it is there, /metrics has the
exporter's own metrics and /readyz says 503. SIGTERM and SIGINT end it.`,
  groups: ["storage", "retire", "endpoint", "log"],
  async run({ loaded, log, io }) {
    const { config } = loaded;
    refuseRedis(config);
    const [
      { writtenStorage },
      { createMetricsEndpoint },
      { serveMetricsEndpoint },
      { startRetiring },
    ] = await Promise.all([
      import("./storages.ts"),
      import("../endpoint/mod.ts"),
      import("../adapters/deno/metrics_server.ts"),
      import("../adapters/storage/retiring.ts"),
    ]);
    const { metrics, metricPrefix } = config;
    await using running = new AsyncDisposableStack();
    const storage = running.use(writtenStorage(loaded, log));
    if (config.retire) running.use(startRetiring({ retire: storage.retire, log })).soon();
    const handler = createMetricsEndpoint({
      ...storage.about,
      reader: running.use(storage.openReader()),
      metricPrefix,
      version: VERSION,
      runtime: `deno ${Deno.version.deno}`,
      log,
    });
    await using server = serveMetricsEndpoint({ handler, ...metrics, log });
    log.info("Serving metrics", {
      url: `http://${formatAddress(server)}/metrics`,
      ...storage.fields,
    });
    await io.stopRequested();
    log.info("Stopping");
    return 0;
  },
};
