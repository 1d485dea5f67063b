// What both clusters of the benchmark do alike: eight workers with counters, and how their primary
// measures. CommonJS, so that the programs of either kind can load it.
const cluster = require("node:cluster");
const fs = require("node:fs");

/** A service is scraped for months: what makes the page has run before. */
const WARM_UP_MS = 3000;
const SCRAPES = 15;
const METHODS = ["GET", "POST", "PUT", "DELETE"];

/** Makes counters with two labels, 100 series in each, and gives them values. @returns The series */
exports.count = (Counter, series) => {
  let counter;
  const all = [];
  for (let i = 0; i < series; i++) {
    const j = i % 100;
    if (j === 0) {
      const name = `bench_requests_${i / 100}_total`;
      counter = new Counter({ name, help: "Requests.", labelNames: ["method", "path"] });
    }
    const path = `/api/v1/resource/${j >> 2}/items`;
    const child = counter.labels(METHODS[j % 4], path);
    child.inc(i + (cluster.worker?.id ?? 0));
    all.push(child);
  }
  return all;
};

/** Starts the workers, and waits until each of them has said that it has counted. */
exports.fork = async (workers) => {
  const started = Array.from({ length: workers }, () => cluster.fork());
  await Promise.all(
    started.map((worker) => new Promise((resolve) => worker.once("message", resolve))),
  );
  return started.map((worker) => worker.process.pid);
};

/**
 * Measures `scrape`, and the processor time of the workers meanwhile.
 *
 * @param textOf Gives the text of what `scrape` has made.
 * @param change What is done before each, and not measured.
 */
exports.measure = async (scrape, textOf, pids, change = () => {}) => {
  const warm = performance.now() + WARM_UP_MS;
  while (performance.now() < warm) {
    change();
    await scrape();
  }
  const before = processorMs(pids);
  const times = [];
  let page;
  while (times.length < SCRAPES) {
    change();
    const start = performance.now();
    page = await scrape();
    times.push(performance.now() - start);
  }
  const worker = (processorMs(pids) - before) / SCRAPES / pids.length;
  const median = times.sort((a, b) => a - b)[SCRAPES >> 1];
  return { scrape: median, worker, total: total(await textOf(page)) };
};

/** Ends the workers and tells the result. */
exports.finish = (result, pids) => {
  for (const pid of pids) process.kill(pid, "SIGKILL");
  console.log(JSON.stringify(result));
  process.exit(0);
};

/** What all threads of these processes have used, in milliseconds: proc(5), `schedstat`. */
function processorMs(pids) {
  let sum = 0;
  for (const pid of pids) {
    for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
      sum += Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
  }
  return sum / 1e6;
}

/** The sum of all counters of the benchmark on a page. */
function total(page) {
  let sum = 0;
  for (const line of page.split("\n")) {
    if (line.startsWith("bench_requests_")) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}
