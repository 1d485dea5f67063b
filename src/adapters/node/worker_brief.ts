/**
 * What a worker of a cluster knows before it has heard from its primary, so that nothing that it
 * serves until then is missing: no secrets, since it stands in the environment.
 *
 * @module
 */
import process from "node:process";
import type { WorkerTask } from "../service/worker_protocol.ts";

/** How the worker's requests are recorded. */
export interface WorkerBrief
  extends Pick<WorkerTask, "workerId" | "metricPrefix" | "sizesByEndpoint" | "keepAliveMs"> {
  /** Whether the storage keeps times. */
  readonly timestamps: boolean;
}

/** The variable that holds it, until `startWorker()` is called. */
export const BRIEF_VARIABLE = "GPE_CLUSTER_WORKER";

/** The variables of a worker's environment. */
export function briefVariables(told: WorkerBrief): Record<string, string> {
  const { workerId, metricPrefix, sizesByEndpoint, keepAliveMs, timestamps } = told;
  // Nothing else of what it is told, whatever that is.
  const brief = { workerId, metricPrefix, sizesByEndpoint, keepAliveMs, timestamps };
  // The second for what records before the worker is started.
  return { [BRIEF_VARIABLE]: JSON.stringify(brief), GPE_WORKER_ID: brief.workerId };
}

/** What this process was told; a program that it starts is not told. */
export function takeBrief(): WorkerBrief | undefined {
  const text = process.env[BRIEF_VARIABLE];
  if (text === undefined) return undefined;
  delete process.env[BRIEF_VARIABLE];
  return JSON.parse(text) as WorkerBrief;
}
