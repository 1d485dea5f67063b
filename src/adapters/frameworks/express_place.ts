/**
 * Where in an Express application a request is: which routers it is in, and which route it took.
 *
 * Express tells neither afterwards: on its way out of a router it puts `baseUrl` back, and `baseUrl`
 * holds the values of a mount's parameters, not their names. So both are looked at when they are set.
 *
 * @module
 */
import { collapsePath } from "../../worker/endpoint_label.ts";

const PLACE = Symbol("place");

/** What is used of Express's request. */
interface ExpressRequest {
  baseUrl?: unknown;
  params?: unknown;
  route?: unknown;
  [PLACE]?: Place;
}

interface Mount {
  /** What Express says. */
  readonly url: unknown;
  readonly text: string;
  readonly template: string;
}

/** Where a request is. */
class Place {
  readonly #mounts: [Mount, ...Mount[]];
  #route: unknown;
  #template: string | undefined;

  constructor({ baseUrl, route }: ExpressRequest) {
    const text = typeof baseUrl === "string" ? baseUrl : "";
    const template = text === "" ? "" : collapsePath(text);
    this.#mounts = [{ url: baseUrl, text, template }];
    this.#route = route;
  }

  get baseUrl(): unknown {
    return this.#mounts.at(-1)!.url;
  }

  get route(): unknown {
    return this.#route;
  }

  /** The template of the route; of what is mounted without routes, such as files, that of the mount. */
  get template(): string | undefined {
    if (this.#template !== undefined) return this.#template;
    const { template } = this.#mounts.at(-1)!;
    return template === "" ? undefined : `${template}/*`;
  }

  /** Into a router, or back out of it. */
  move(url: unknown, params: unknown): void {
    const text = typeof url === "string" ? url : "";
    const known = this.#mounts.findLastIndex((mount) => mount.text === text);
    if (known > 0) {
      this.#mounts.length = known + 1;
      return;
    }
    if (known === 0 || text === "") {
      this.#mounts.length = 1;
      this.#mounts[0] = { ...this.#mounts[0], url };
      return;
    }
    const parent = this.#mounts.findLast((mount) => text.startsWith(mount.text));
    const added = text.slice(parent?.text.length ?? 0);
    const template = (parent?.template ?? "") + namedParameters(added, params);
    this.#mounts.push({ url, text, template });
  }

  match(route: unknown): void {
    this.#route = route;
    const path: unknown = (route as { path?: unknown } | undefined)?.path;
    if (path === undefined) return;
    const base = this.#mounts.at(-1)!.template;
    const templates = [path].flat().map((one) =>
      one === "/" && base !== "" ? base : base + String(one)
    );
    this.#template = templates.join(",");
  }
}

/** Puts the names of a mount's parameters in the place of their values. */
function namedParameters(path: string, params: unknown): string {
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(params ?? {})) {
    // A wildcard holds several segments: in Express 4 as one text, since 5 as an array.
    const segments = Array.isArray(value) ? value : String(value).split("/");
    for (const segment of segments) names.set(String(segment), `:${name}`);
  }
  return path.split("/").map((part) => names.get(decoded(part)) ?? part).join("/");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // no parameter holds it, for Express decodes them
  }
}

const WATCHED = {
  baseUrl: {
    get(this: ExpressRequest) {
      return this[PLACE]!.baseUrl;
    },
    set(this: ExpressRequest, url: unknown) {
      this[PLACE]!.move(url, this.params);
    },
    enumerable: true,
    configurable: true,
  },
  route: {
    get(this: ExpressRequest) {
      return this[PLACE]!.route;
    },
    set(this: ExpressRequest, route: unknown) {
      this[PLACE]!.match(route);
    },
    enumerable: true,
    configurable: true,
  },
};

/**
 * Watches the way of a request from now on.
 *
 * @returns What tells the template of its route, once it took one.
 */
export function watchPlace(request: object): () => string | undefined {
  const place = new Place(request);
  (request as ExpressRequest)[PLACE] = place;
  // Each says `false` where a request does not let itself be watched; its path stands for it then.
  Reflect.defineProperty(request, "baseUrl", WATCHED.baseUrl);
  Reflect.defineProperty(request, "route", WATCHED.route);
  return () => place.template;
}
