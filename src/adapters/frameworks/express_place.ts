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

/** A router that the request is in. */
class Mount {
  /** What Express says. */
  readonly url: unknown;
  readonly text: string;
  readonly #parent: Mount | undefined;
  readonly #params: unknown;
  #template: string | undefined;

  constructor(url: unknown, parent?: Mount, params?: unknown) {
    this.url = url;
    this.text = textOf(url);
    this.#parent = parent;
    this.#params = params;
  }

  /** Its path, with those of the routers around it. Most requests need none. */
  get template(): string {
    return this.#template ??= this.#makeTemplate();
  }

  #makeTemplate(): string {
    if (this.text === "") return "";
    // Of what was mounted before anybody watched, no parameters are known.
    if (this.#params === undefined) return collapsePath(this.text);
    const before = this.#parent?.template ?? "";
    const added = this.text.slice(this.#parent?.text.length ?? 0);
    return before + namedParameters(added, this.#params ?? {}, before);
  }
}

/** Where a request is. */
class Place {
  readonly #mounts: [Mount, ...Mount[]];
  #route: unknown;
  /** The paths of the route that was taken, and where it is. */
  #taken: { readonly path: unknown; readonly mount: Mount } | undefined;

  constructor({ baseUrl, route }: ExpressRequest) {
    this.#mounts = [new Mount(baseUrl)];
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
    if (this.#taken === undefined) {
      const { template } = this.#mounts.at(-1)!;
      return template === "" ? undefined : `${template}/*`;
    }
    const base = this.#taken.mount.template;
    return [this.#taken.path].flat()
      .map((path) => path === "/" && base !== "" ? base : base + String(path))
      .join(",");
  }

  /** Into a router, or back out of it. */
  move(url: unknown, params: unknown): void {
    const text = textOf(url);
    const known = this.#mounts.findLastIndex((mount) => mount.text === text);
    if (known > 0) {
      this.#mounts.length = known + 1;
      return;
    }
    if (known === 0 || text === "") {
      this.#mounts.length = 1;
      if (text === "") this.#mounts[0] = new Mount(url);
      return;
    }
    const parent = this.#mounts.findLast((mount) => text.startsWith(mount.text));
    this.#mounts.push(new Mount(url, parent, params ?? {}));
  }

  match(route: unknown): void {
    this.#route = route;
    const path: unknown = (route as { path?: unknown } | undefined)?.path;
    if (path !== undefined) this.#taken = { path, mount: this.#mounts.at(-1)! };
  }
}

function textOf(url: unknown): string {
  return typeof url === "string" ? url : "";
}

/**
 * The path of a mount, with the names of its parameters in the place of their values. The rest is in
 * lower case: Express takes it in any, and whoever asks would make labels.
 *
 * @param before The template around it: the parameters in it are its own.
 */
function namedParameters(path: string, params: object, before: string): string {
  const names = new Map<string, string>();
  const wildcards = new Set<string>();
  /** Those that may be a part of a segment, as in `/@:user`, in the order of the path. */
  const within: [value: string, name: string][] = [];
  for (const [key, value] of Object.entries(params)) {
    const name = `:${key}`;
    // A wildcard holds several segments: in Express 4 as one text, since 5 as an array.
    const segments: unknown[] = Array.isArray(value) ? value : String(value).split("/");
    if (segments.length > 1) wildcards.add(name);
    for (const segment of segments) names.set(String(segment), name);
    if (value !== "" && !before.split("/").includes(name)) within.push([String(value), name]);
  }
  const found = path.split("/").map((part) => names.get(decoded(part)) ?? part);
  const left = within.filter(([, name]) => !found.includes(name));
  return found
    .filter((part, index) => !wildcards.has(part) || part !== found[index - 1])
    .map((part) => part.startsWith(":") ? part : namedWithin(part, left))
    .join("/");
}

/** A segment with names in the place of the values that are in it. */
function namedWithin(part: string, values: readonly [value: string, name: string][]): string {
  const text = decoded(part);
  let named = "";
  let end = 0;
  for (const [value, name] of values) {
    const start = text.indexOf(value, end);
    if (start === -1) continue;
    named += text.slice(end, start).toLowerCase() + name;
    end = start + value.length;
  }
  return named + text.slice(end).toLowerCase();
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
