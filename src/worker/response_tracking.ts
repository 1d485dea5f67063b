/**
 * Sizes of responses, noted where they are free: when a `Response` is constructed. The global
 * `Response` is replaced by a proxy of itself whose constructor notes what it was given; nothing is
 * read from a response later. Responses that the runtime makes (`fetch()`) stay unknown.
 *
 * The note is a private field put on the native object, which costs nothing measurable where a
 * `WeakMap` costs 80 ns a response (Deno 2.9). The prototype stays the native one, so `instanceof`,
 * `Object.getPrototypeOf` and subclasses work as before.
 *
 * @module
 */
import { formDataSize } from "./form_data_size.ts";

/** What {@linkcode trackedBody} says of a body that is an application's stream. */
export const STREAM_BODY = -2;
/** What {@linkcode trackedBody} says of a body whose size cannot be told. */
export const UNKNOWN_BODY = -1;

type ResponseConstructor = typeof Response;
type Body = BodyInit | null | undefined;

/** A constructor that returns its argument: a class that extends it adds fields to any object. */
const Existing = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;

class Note extends Existing {
  #body: number | string;

  constructor(response: Response, body: number | string) {
    super(response);
    this.#body = body;
  }

  static read(response: object): number | string {
    return #body in response ? response.#body : UNKNOWN_BODY;
  }
}

/**
 * What is known about the body a response was constructed with.
 *
 * @returns The size in bytes; the text itself (its size is counted only when it is needed);
 *   {@linkcode STREAM_BODY} or {@linkcode UNKNOWN_BODY}.
 */
export function trackedBody(response: Response): number | string {
  return Note.read(response);
}

function describe(body: Body): number | string {
  if (typeof body === "string") return body;
  if (body === null || body === undefined) return 0;
  if (typeof body !== "object") return UNKNOWN_BODY;
  if (body instanceof ReadableStream) return STREAM_BODY;
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer) return body.byteLength;
  if (body instanceof Blob) return body.size;
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof FormData) return formDataSize(body);
  // Deno takes any async iterable as a body and makes a stream of it.
  return Symbol.asyncIterator in body ? STREAM_BODY : UNKNOWN_BODY;
}

let installed: { uninstall: () => void; native: ResponseConstructor; users: number } | undefined;

/** The runtime's own `Response`, whether tracking is installed or not. */
export function nativeResponse(): ResponseConstructor {
  return installed?.native ?? baseResponse();
}

/**
 * The class under all that libraries have put in its place: `@hono/node-server` has one of its own,
 * of which what `fetch()` gives is no instance.
 */
function baseResponse(): ResponseConstructor {
  let base = Response;
  while (Object.getPrototypeOf(base) !== Function.prototype) base = Object.getPrototypeOf(base);
  return base;
}

/**
 * Replaces the global `Response` so that sizes are known. Code that took `Response` before keeps
 * the native one, whose responses have no known size. A class that a library has put in its place is
 * left alone: it is made to be fast with the server of that library, which knows sizes better.
 *
 * @returns A function that takes it back; installing again only counts.
 */
export function installResponseTracking(): () => void {
  if (installed === undefined && baseResponse() !== Response) return () => {};
  const current = installed ??= install(Response);
  current.users++;
  let used = true;
  return () => {
    if (!used) return;
    used = false;
    if (--current.users > 0) return;
    current.uninstall();
    if (installed === current) installed = undefined;
  };
}

function install(native: ResponseConstructor): NonNullable<typeof installed> {
  const prototype: Response = native.prototype;
  const tracked: ResponseConstructor = new Proxy(native, {
    construct(_target, args: [Body, ResponseInit?], newTarget) {
      const response = newTarget === tracked
        ? new native(args[0], args[1])
        : Reflect.construct(native, args, newTarget) as Response;
      // Described after the runtime took it: what it refuses is not looked at.
      new Note(response, describe(args[0]));
      return response;
    },
  });
  const restores = [
    replace(globalThis, "Response", tracked),
    replace(prototype, "constructor", tracked),
    replace(native, "json", trackedJson(native)),
    replace(prototype, "clone", trackedClone(prototype)),
  ];
  return {
    native,
    users: 0,
    uninstall: () => restores.forEach((restore) => restore()),
  };
}

/** Replaces a property, and returns what puts it back, unless somebody else has replaced it. */
function replace(holder: object, key: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(holder, key)!;
  const enumerable = before.enumerable ?? false;
  Object.defineProperty(holder, key, { value, writable: true, enumerable, configurable: true });
  return () => {
    if (Reflect.get(holder, key) === value) Object.defineProperty(holder, key, before);
  };
}

const JSON_TYPE = "application/json";
const JSON_INIT: ResponseInit = { headers: { "content-type": JSON_TYPE } };
/** What the constructor sets for a text when the init names no type (Fetch, "extract a body"). */
const TEXT_TYPE = "text/plain;charset=UTF-8";

/** `Response.json`, made of the constructor because only there the text can be seen. */
function trackedJson(native: ResponseConstructor): ResponseConstructor["json"] {
  const json = native.json;
  const method = {
    json(data: unknown, init: ResponseInit | undefined = undefined): Response {
      let response: Response | undefined;
      let text: string | undefined;
      try {
        text = JSON.stringify(data);
        if (text !== undefined) {
          response = new native(text, init === undefined ? JSON_INIT : init);
          if (init !== undefined) setJsonType(response.headers, init);
        }
      } catch {
        response = undefined; // The native method makes the same error, with its own text.
      }
      if (response === undefined || text === undefined) return json.call(native, data, init);
      new Note(response, text);
      return response;
    },
  };
  // The native method declares no parameters that count.
  return Object.defineProperty(method.json, "length", { value: json.length });
}

function setJsonType(headers: Headers, init: ResponseInit): void {
  if (headers.get("content-type") !== TEXT_TYPE) return;
  const chosen = init?.headers !== undefined && new Headers(init.headers).has("content-type");
  if (!chosen) headers.set("content-type", JSON_TYPE);
}

function trackedClone(prototype: Response): Response["clone"] {
  const clone = prototype.clone;
  return {
    clone(this: Response): Response {
      const copy = clone.call(this);
      const body = trackedBody(this);
      if (body !== UNKNOWN_BODY) new Note(copy, body);
      return copy;
    },
  }.clone;
}
