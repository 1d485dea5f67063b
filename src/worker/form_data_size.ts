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

/** What would end the header line or the name becomes three characters each. */
function quotedSize(name: string): number {
  return utf8Length(name) + 2 * (name.match(/["\r\n]/g)?.length ?? 0);
}

function withLineEnds(text: string): string {
  return text.replace(/\r\n|\r|\n/g, "\r\n");
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
    size += frame + quotedSize(withLineEnds(name));
    if (typeof value === "string") {
      size += utf8Length(withLineEnds(value));
    } else {
      size += `; filename=""\r\nContent-Type: `.length + quotedSize(value.name) +
        utf8Length(value.type || "application/octet-stream") + value.size;
    }
  }
  return size;
}
