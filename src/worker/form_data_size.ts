/**
 * The length of a form as `multipart/form-data`, without making it.
 *
 * @module
 */
import { utf8Length } from "./utf8_length.ts";

/** `----` and 28 digits on Deno; only its length counts, and that is the same for every form. */
let boundaryLength: number | undefined;

function measureBoundary(): number {
  const form = new Request("http://localhost", { method: "POST", body: new FormData() });
  const type = form.headers.get("content-type") ?? "";
  return type.slice(type.indexOf("boundary=") + "boundary=".length).length;
}

/** `"` and line ends in a name become three characters each (RFC 7578, Fetch's multipart encoder). */
function nameSize(name: string): number {
  return utf8Length(name.replace(/\r\n|\r|\n/g, "%0D%0A").replaceAll('"', "%22"));
}

/**
 * How many bytes a form takes as the body of a response: the encoder of the Fetch standard as Deno
 * writes it, without a line end after the last boundary.
 *
 * @returns The size in bytes.
 */
export function formDataSize(form: FormData): number {
  const boundary = boundaryLength ??= measureBoundary();
  const frame = `--\r\nContent-Disposition: form-data; name=""\r\n\r\n\r\n`.length + boundary;
  let size = `----`.length + boundary;
  for (const [name, value] of form) {
    size += frame + nameSize(name);
    if (typeof value === "string") {
      size += utf8Length(value.replace(/\r\n|\r|\n/g, "\r\n"));
    } else {
      size += `; filename=""\r\nContent-Type: `.length + nameSize(value.name) +
        utf8Length(value.type || "application/octet-stream") + value.size;
    }
  }
  return size;
}
