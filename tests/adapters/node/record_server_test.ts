import { assertStrictEquals, assertThrows } from "@std/assert";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { recordServer } from "../../../src/adapters/node/record_server.ts";
import { workerInstrumentation } from "../../../src/adapters/library/instrument.ts";

Deno.test("recordServer() gives the server back, and refuses what is none of node:http", () => {
  try {
    for (const server of [http.createServer(), https.createServer()]) {
      assertStrictEquals(recordServer(server), server);
      assertStrictEquals(recordServer(server), server);
    }
    for (const wrong of [http2.createServer(), {}, undefined]) {
      assertThrows(() => recordServer(wrong as object), TypeError, "Cannot record the server");
    }
  } finally {
    workerInstrumentation().stop();
  }
});
