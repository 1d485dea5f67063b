/** Two workers that run the module named in the arguments; one that dies is replaced. */
import cluster from "node:cluster";
import { once } from "node:events";
import process from "node:process";

if (cluster.isPrimary) {
  const start = () => {
    const worker = cluster.fork();
    worker.once("listening", () => console.log(`listening ${worker.process.pid}.`));
    worker.once("exit", () => stopping || start());
  };
  let stopping = false;
  start();
  start();
  process.once("SIGTERM", async () => {
    stopping = true;
    const workers = Object.values(cluster.workers);
    const ended = workers.map((worker) => once(worker, "exit"));
    for (const worker of workers) worker.process.kill("SIGTERM");
    await Promise.all(ended);
    process.exit(0);
  });
} else {
  // The primary starts sooner without it.
  const { openStorage } = await import("@gpe/cli");
  openStorage();
  await import(process.argv[2]);
}
