/**
 * Records a server of `node:http` for an application that listens by itself.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import { createHttpRecorder, type HttpRecorder, isRecorded } from "../http/recorder.ts";
import { workerInstrumentation } from "../library/instrument.ts";

let recorder: HttpRecorder | undefined;

/**
 * Records requests, responses, durations, sizes and failures of a server of `node:http` or
 * `node:https`, into the same metrics as `instrument()`. The first server that listens registers them
 * and starts the sampler. A server that is recorded already, by `gpe serve`, a worker of the cluster,
 * or another copy of this module, stays as it is.
 *
 * @example
 * ```ts ignore
 * import http from "node:http";
 * import { recordServer } from "@gpe/cli/node";
 *
 * recordServer(http.createServer((_request, response) => response.end("hello"))).listen(3000);
 * ```
 * @param server Express's `app.listen()` gives it, Koa's too, and `serve()` of `@hono/node-server`;
 *   in Fastify it is `app.server`.
 * @returns The server.
 * @throws {TypeError} When it is another kind of server, such as one of `node:http2`.
 */
export function recordServer<S extends object>(server: S): S {
  if (!(server instanceof http.Server) && !(server instanceof https.Server)) {
    throw new TypeError(
      `Cannot record the server: it is a ${server?.constructor?.name ?? typeof server}, ` +
        "expected a server of node:http or node:https",
    );
  }
  if (server.listening) record(server);
  else {
    // A worker takes the server when it begins to listen: then nothing of this has to be there.
    for (const event of ["listening", "connection"]) server.once(event, () => record(server));
  }
  return server;
}

function record(server: http.Server | https.Server): void {
  if (isRecorded(server)) return;
  recorder ??= makeRecorder();
  recorder.record(server);
}

function makeRecorder(): HttpRecorder {
  const { metrics, now } = workerInstrumentation();
  return createHttpRecorder(metrics, now);
}
