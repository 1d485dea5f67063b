/**
 * `deno run` tells who runs a module with a default `fetch` that `deno serve` would serve it. It
 * cannot know that we do.
 *
 * @module
 */

const HINT = 'warning: Detected export default { fetch }, did you mean to run "deno serve"?\n';
// deno-lint-ignore no-control-regex -- the runtime may colour its words
const COLOUR = /\u001b\[[\d;]*m/g;

/**
 * A worker's stderr without that hint, which the runtime writes once, at once and as a line.
 *
 * @param output What the worker writes.
 */
export async function* withoutServeHint(
  output: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let seen = false;
  for await (const part of output) {
    const rest: Uint8Array = seen ? part : withoutHint(part);
    seen ||= rest !== part;
    if (rest.length > 0) yield rest;
  }
}

function withoutHint(part: Uint8Array): Uint8Array {
  const lines = new TextDecoder().decode(part).split(/(?<=\n)/);
  const kept = lines.filter((line) => line.replace(COLOUR, "") !== HINT);
  return kept.length === lines.length ? part : new TextEncoder().encode(kept.join(""));
}
