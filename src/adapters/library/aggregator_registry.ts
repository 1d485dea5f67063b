/**
 * prom-client's way to ask for the metrics of all workers of a cluster.
 *
 * @module
 */
import process from "node:process";
import * as promClient from "npm:prom-client@^15.1.3";
import type { PrometheusContentType, RegistryContentType } from "../../core/metric_types.ts";
import { processStore } from "../../core/process_store.ts";
import { Registry } from "../../core/registry.ts";
import { type ForeignRegistry, shareRegistry } from "../../core/share_registry.ts";
import { SILENT_LOG } from "../../core/log.ts";
import type { MetricsEndpoint } from "../../endpoint/mod.ts";
import { BRIEF_VARIABLE } from "../node/worker_brief.ts";
import { type Retiring, startRetiring } from "../storage/retiring.ts";
import { RUNTIME } from "../this_runtime.ts";
import { openMetricsPage } from "./metrics_handler.ts";
import { openStorage, storageToRead } from "./open_storage.ts";

/**
 * A registry that also knows the metrics of all workers. In a worker of `node:cluster` the first one
 * opens the storage of the environment, unless it is open: that is what the workers of prom-client
 * begin to answer with. Nobody is asked at a scrape, so none can hold it up, and those of dead workers
 * are there.
 *
 * Permissions: as `openStorage()` in a worker, as `metricsHandler()` where a page is asked for.
 */
export class AggregatorRegistry<
  T extends RegistryContentType = PrometheusContentType,
> extends Registry<T> {
  /**
   * An empty registry.
   *
   * @param contentType What is printed; the Prometheus text format by default.
   * @throws {StorageError} When this is a worker, and its storage cannot be opened.
   */
  constructor(contentType?: T) {
    super(contentType);
    if (isOwnWorker() && processStore().writer === undefined) openStorage();
  }

  /**
   * The metrics of all workers in the format of `contentType`, with those of the page about itself.
   *
   * @throws {Error} When the storage cannot be read.
   */
  async clusterMetrics(): Promise<string> {
    // Handlers send `contentType` along.
    const headers = { accept: this.contentType };
    const response = await clusterPage()(new Request("http://localhost/metrics", { headers }));
    const text = await response.text();
    if (response.ok) return text;
    throw new Error(`Cannot aggregate: ${text.trim()}, expected a storage that can be read`);
  }

  /**
   * A registry that prints what several registries have shown, brought together by the aggregator of
   * each metric. This is prom-client's function.
   *
   * @param metrics What `getMetricsAsJSON()` of each registry gave.
   * @param contentType What it prints; the Prometheus text format by default.
   */
  static aggregate<T extends RegistryContentType = PrometheusContentType>(
    metrics: object[],
    contentType?: T,
  ): Registry<T> {
    const aggregateAll = promClient.AggregatorRegistry.aggregate as (
      metrics: object[],
      contentType?: T,
    ) => unknown;
    return aggregateAll(metrics, contentType) as Registry<T>;
  }

  /**
   * Lets the metrics of registries of prom-client be part of the aggregate. Ours always are.
   *
   * @throws {TypeError} When something is no registry.
   */
  static setRegistries(registries: ForeignRegistry | readonly ForeignRegistry[]): void {
    const list = Array.isArray(registries) ? registries as ForeignRegistry[] : [registries];
    for (const registry of list as readonly ForeignRegistry[]) {
      if (typeof registry?.registerMetric !== "function") {
        throw new TypeError(`Expected Registry, got ${typeof registry}`);
      }
    }
    (list as readonly ForeignRegistry[]).forEach(shareRegistry);
  }
}

let page: MetricsEndpoint | undefined;
let retiring: Retiring | undefined;

/** The page of this process, made when it is first asked for. It also folds what dead workers left. */
function clusterPage(): MetricsEndpoint {
  if (page === undefined) {
    const { storage } = storageToRead({});
    retiring ??= startRetiring({ retire: () => storage.retire(), log: SILENT_LOG });
    page = openMetricsPage({});
  }
  return page;
}

/**
 * Whether a primary of `node:cluster` has started this process, and it is not for `startWorker()` to
 * open the storage. The module is not loaded to find that out.
 */
function isOwnWorker(): boolean {
  const { getBuiltinModule } = process as {
    readonly getBuiltinModule?: (name: string) => { readonly isWorker?: boolean } | undefined;
  };
  const isWorker = getBuiltinModule?.("node:cluster")?.isWorker === true;
  return isWorker && RUNTIME.env(BRIEF_VARIABLE) === undefined;
}
