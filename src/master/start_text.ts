/**
 * What `gpe serve` prints when it has started: where everything is, and what Prometheus needs.
 *
 * @module
 */
import type { Address, BindAddress } from "../config/config.ts";

/** The default address of Prometheus's own pages. */
const PROMETHEUS_URL = "http://localhost:9090";

/** The URL at which this machine reaches a listener. */
export function localUrl(listener: Address, path = "", scheme = "http"): string {
  return `${scheme}://${localHostPort(listener)}${path}`;
}

/** A part of Prometheus's configuration file that scrapes the endpoint. */
export function scrapeConfigs(metrics: Address): string {
  return [
    "scrape_configs:",
    "  - job_name: gpe",
    "    static_configs:",
    `      - targets: [${JSON.stringify(localHostPort(metrics))}]`,
  ].join("\n");
}

/** The lines to print; `scheme` is the application's. */
export function startText(
  bind: BindAddress,
  metrics: Address,
  scheme: "http" | "https" = "http",
): string {
  return [
    `Application      ${"path" in bind ? `unix:${bind.path}` : localUrl(bind, "", scheme)}`,
    `Metrics endpoint ${localUrl(metrics, "/metrics")}`,
    `Prometheus UI    ${PROMETHEUS_URL}`,
    "",
    "# For prometheus.yml:",
    scrapeConfigs(metrics),
  ].join("\n");
}

/** A wildcard address is none to connect to. */
function localHostPort({ hostname, port }: Address): string {
  if (hostname === "0.0.0.0" || hostname === "::") return `localhost:${port}`;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
