/** What the programs of these tests share: asking a server of this process, and printing metrics. */
import process from "node:process";
import { register } from "@gpe/cli";

/** Waits until a server listens, on a free port of this host; gives its URL. */
export async function listen(server) {
  if (!server.listening) {
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  return `http://127.0.0.1:${server.address().port}`;
}

/**
 * Sends requests `METHOD PATH STATUS`, one after the other; `broken` is no whole answer.
 *
 * @param headers Sent with each.
 */
export async function ask(url, requests, headers = {}) {
  for (const request of requests) {
    const [method, path, wanted] = request.split(" ");
    const found = await fetch(url + path, { method, headers }).then(async (response) => {
      await response.arrayBuffer();
      return String(response.status);
    }).catch(() => "broken");
    if (found !== wanted) throw new Error(`${request}: the answer is ${found}`);
  }
}

/** Prints the metrics of this process when no request is in progress any more, and ends it. */
export async function report() {
  const deadline = performance.now() + 10_000;
  while (true) {
    const page = await register.metrics();
    // What is broken off counts when its connection is closed.
    if (/_requests_in_progress\{.*\} 0$/m.test(page) || performance.now() > deadline) {
      console.log(page);
      process.exit(0);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
