/**
 * Sizes of requests and responses of one worker, for all of them together or by endpoint.
 *
 * @module
 */
import { Histogram } from "../core/histogram.ts";
import type { Registry } from "../core/registry.ts";
import { type EndpointLabels, OTHER_ENDPOINT } from "./endpoint_label.ts";
import type { RequestLine } from "./worker_metrics.ts";

/** Bounds of the size histograms, in bytes: 1 KiB to 4 MiB, each four times the one before. */
const SIZE_BUCKETS: readonly number[] = [1, 4, 16, 64, 256, 1024, 4096].map((n) => n * 1024);

/** How to make what {@linkcode createSizes} gives. */
export interface SizeOptions {
  /** Where the metrics are registered. */
  readonly register: Registry;
  /** What every name starts with. */
  readonly prefix: string;
  /** The `worker_id` label. */
  readonly workerId: string;
  /** The labels of this worker; `undefined` for sizes of all requests together. */
  readonly endpoints: EndpointLabels | undefined;
}

/** Takes a size in bytes. */
interface SizeHistogram {
  observe(sizeBytes: number): void;
}

/** Where the sizes of a request go. */
export interface SizeSeries {
  /** The size of the request's body, where the client announced one. */
  readonly request: SizeHistogram;
  /** The size of the response's body, as the application made it. */
  readonly response: SizeHistogram;
}

/** Where the sizes of a request with this answer go. */
export type SizesOf = (request: RequestLine, status: number) => SizeSeries;

/**
 * Registers both metrics.
 *
 * @throws {Error} When a metric of the same name is registered already.
 */
export function createSizes(options: SizeOptions): SizesOf {
  const { register, prefix, workerId, endpoints } = options;
  const make = (name: string, help: string): SizesHistogram =>
    new Histogram({
      name: prefix + name,
      help,
      labelNames: endpoints === undefined ? ["worker_id"] : ["worker_id", "endpoint"],
      buckets: [...SIZE_BUCKETS],
      registers: [register],
    });
  const request = make("request_size_bytes", "Sizes of request bodies.");
  const response = make("response_size_bytes", "Sizes of response bodies.");
  const zero = (labels: Labels): void => {
    // There from the start, at 0: Prometheus sees no increase in a series that begins with one.
    request.zero(labels);
    response.zero(labels);
  };

  if (endpoints === undefined) {
    const labels = { worker_id: workerId };
    zero(labels);
    const all = { request: request.labels(labels), response: response.labels(labels) };
    return () => all;
  }
  zero({ worker_id: workerId, endpoint: OTHER_ENDPOINT });
  const byEndpoint = new Map<string, SizeSeries>();
  return (line, status) => {
    const endpoint = endpoints.ofAnswer(line, status);
    const known = byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    const made = new EndpointSizes({ worker_id: workerId, endpoint }, request, response);
    byEndpoint.set(endpoint, made);
    return made;
  };
}

type Labels = { worker_id: string; endpoint?: string };
type SizesHistogram = Histogram<"worker_id" | "endpoint">;

/** The series of one endpoint, each made when it is used: most endpoints get no bodies. */
class EndpointSizes implements SizeSeries {
  readonly #labels: Labels;
  readonly #metrics: readonly [request: SizesHistogram, response: SizesHistogram];
  #request: SizeHistogram | undefined;
  #response: SizeHistogram | undefined;

  constructor(labels: Labels, request: SizesHistogram, response: SizesHistogram) {
    this.#labels = labels;
    this.#metrics = [request, response];
  }

  get request(): SizeHistogram {
    return this.#request ??= this.#metrics[0].labels(this.#labels);
  }

  get response(): SizeHistogram {
    return this.#response ??= this.#metrics[1].labels(this.#labels);
  }
}
