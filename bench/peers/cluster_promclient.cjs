// prom-client's own way: the primary asks every worker for its metrics, and adds them up.
const cluster = require("node:cluster");
const { AggregatorRegistry, Counter } = require("prom-client");
const { count, finish, fork, measure } = require("./cluster_workers.cjs");

const [workers, series] = process.argv.slice(2).map(Number);
const registry = new AggregatorRegistry();

if (cluster.isPrimary) {
  fork(workers).then(async (pids) =>
    finish(await measure(() => registry.clusterMetrics(), (text) => text, pids), pids)
  );
} else {
  count(Counter, series);
  process.send("ready");
}
