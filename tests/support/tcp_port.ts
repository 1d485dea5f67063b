import type { BindAddress } from "../../src/config/config.ts";

/** The port of a listener. @throws {Error} when it is a Unix socket */
export function tcpPort(address: BindAddress): number {
  if ("path" in address) throw new Error(`There is no port at ${address.path}`);
  return address.port;
}
