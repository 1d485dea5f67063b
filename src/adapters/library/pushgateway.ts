/**
 * prom-client's way to push the metrics of a process to a gateway.
 *
 * @module
 */
import * as promClient from "npm:prom-client@^15.1.3";
import type { PrometheusContentType, RegistryContentType } from "../../core/metric_types.ts";
import { register, type Registry } from "../../core/registry.ts";

/** What a push was answered with. */
export interface PushResult {
  /** The response of `node:http`. */
  resp?: unknown;
  /** Its body. */
  body?: unknown;
}

/**
 * Pushes what a registry prints, this process alone, to a Pushgateway of Prometheus. For programs that
 * run and end; a server is scraped.
 *
 * Permissions: `net` for the gateway.
 */
export class Pushgateway<T extends RegistryContentType = PrometheusContentType> {
  private readonly gateway: promClient.Pushgateway<T>;

  /**
   * A gateway at a URL.
   *
   * @param url Its URL.
   * @param options Options of `http.request()`.
   * @param registry What is pushed; the global registry by default.
   */
  constructor(url: string, options?: object, registry?: Registry<T>) {
    // It calls `metrics()`, which our registry has too.
    const pushed = (registry ?? register) as unknown as promClient.Registry<T>;
    this.gateway = new promClient.Pushgateway(url, options, pushed);
  }

  /** Adds the metrics to those of the same job and groupings. @throws {Error} without a job name */
  pushAdd(params: Pushgateway.Parameters): Promise<PushResult> {
    return this.gateway.pushAdd(params);
  }

  /** Replaces the metrics of the same job and groupings. @throws {Error} without a job name */
  push(params: Pushgateway.Parameters): Promise<PushResult> {
    return this.gateway.push(params);
  }

  /** Removes the metrics of a job and groupings. @throws {Error} without a job name */
  delete(params: Pushgateway.Parameters): Promise<PushResult> {
    return this.gateway.delete(params);
  }
}

/** Types that go with {@linkcode Pushgateway}. */
export declare namespace Pushgateway {
  /** Under which labels the gateway keeps the metrics. */
  interface Parameters {
    /** The label `job`. */
    jobName: string;
    /** More labels. */
    groupings?: {
      /** The value of a label, by its name. */
      [key: string]: string;
    };
  }
}
