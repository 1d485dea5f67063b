/**
 * Stands before `listen` of the servers of `node:http` and `node:https`.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import { IS_METRICS_SERVER } from "../metrics_host.ts";

/** A server of either kind. */
export type HttpServer = http.Server | https.Server;

/** The method `listen`, with whatever it is called with. */
export type Listen = (this: HttpServer, ...args: unknown[]) => HttpServer;

/**
 * Replaces `listen` of both kinds of servers; those of metrics listen as before.
 *
 * @param onListen Called in its place, with the original to call.
 * @returns A function that gives `listen` back.
 */
export function hookListen(
  onListen: (server: HttpServer, listen: Listen, args: readonly unknown[]) => HttpServer,
): () => void {
  const restores = [http.Server.prototype, https.Server.prototype].map((prototype) => {
    const listen = prototype.listen as Listen;
    const replacement: Listen = function listen_(...args) {
      if (IS_METRICS_SERVER in this) return listen.apply(this, args);
      return onListen(this, listen, args);
    };
    Object.defineProperty(replacement, "name", { value: "listen" });
    prototype.listen = replacement as typeof prototype.listen;
    return () => prototype.listen = listen as typeof prototype.listen;
  });
  return () => {
    for (const restore of restores) restore();
  };
}
