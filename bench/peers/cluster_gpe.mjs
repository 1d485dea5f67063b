// Ours: the primary reads what the workers have written. They are stopped meanwhile, so that it
// shows when any of them were needed.
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { Counter, metricsHandler, openStorage } from "@gpe/cli";
import workersOf from "./cluster_workers.cjs";

const { count, finish, fork, measure } = workersOf;
const [workers, series] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
  const pids = await fork(workers);
  for (const pid of pids) {
    process.kill(pid, "SIGSTOP");
    while (!isStopped(pid)) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const request = new Request("http://localhost/metrics");
  const measureHandler = (change) => {
    const handler = metricsHandler();
    return measure(() => handler(request), (response) => response.text(), pids, change);
  };
  const still = await measureHandler();
  // The primary counts as well, so that all values on the page change.
  openStorage();
  const own = count(Counter, series);
  const { scrape: changing } = await measureHandler(() => own.forEach((child) => child.inc()));
  finish({ ...still, changing }, pids);
} else {
  const storage = openStorage();
  count(Counter, series);
  await storage.writer.flush();
  process.send("ready");
}

function isStopped(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}
