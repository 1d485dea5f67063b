/** A server that two copies of the package are asked to record; the other one is its argument. */
import http from "node:http";
import process from "node:process";
import { expressErrors, recordServer } from "@gpe/cli/node";
import { ask, listen, report } from "./asking.mjs";

const other = await import(process.argv[2]);
if (other.recordServer === recordServer) throw new Error("it is the same copy");

const server = http.createServer((request, response) => {
  const fail = request.url === "/fails" ? new RangeError("told by the other copy") : undefined;
  if (fail !== undefined) other.expressErrors()(fail, request, response, () => {});
  if (request.url === "/own") expressErrors()(new TypeError("own"), request, response, () => {});
  response.writeHead(request.url === "/" ? 200 : 500);
  response.write("two ");
  response.end("parts");
});
recordServer(server);
recordServer(server);
other.recordServer(server);
await ask(await listen(server), ["GET / 200", "POST / 200", "GET /fails 500", "GET /own 500"]);
await report();
