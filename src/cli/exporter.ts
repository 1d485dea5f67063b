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
  async run({ loaded: { config }, log, io }) {
    refuseRedis(config);
    const [
      { openDirectoryReader },
      { directoryStats },
      { createMetricsEndpoint },
      { serveMetricsEndpoint },
      { retireDirectory },
      { startRetiring },
    ] = await Promise.all([
      import("./directory_reader.ts"),
      import("../storage/filesystem/directory.ts"),
      import("../endpoint/mod.ts"),
      import("../adapters/deno/metrics_server.ts"),
      import("../adapters/deno/retire_directory.ts"),
      import("../adapters/deno/retiring.ts"),
    ]);
    const { directory, metrics, metricPrefix } = config;
    await using running = new AsyncDisposableStack();
    if (config.retire) {
      const retire = () => retireDirectory({ directory, foreign: true, log });
      running.use(startRetiring({ retire, log })).soon();
    }
    await using reader = openDirectoryReader(directory);
    const handler = createMetricsEndpoint({
      reader,
      metricPrefix,
      version: VERSION,
      runtime: `deno ${Deno.version.deno}`,
      log,
      directoryStats: () => directoryStats(directory),
    });
    await using server = serveMetricsEndpoint({ handler, ...metrics, log });
    log.info("Serving metrics", { url: `http://${formatAddress(server)}/metrics`, directory });
    await io.stopRequested();
    log.info("Stopping");
    return 0;
  },
};
