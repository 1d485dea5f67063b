/**
 * `deno run` tells who runs a module with a default `fetch` that `deno serve` would serve it. It
 * cannot know that we do.
 *
 * @module
 */

const HINT = 'warning: Detected export default { fetch }, did you mean to run "deno serve"?\n';
/** The longest form of the hint: the runtime may colour its words. */
const LONGEST_BYTES = HINT.length + 50;
// deno-lint-ignore no-control-regex -- the escape sequences of colours
const COLOUR = /\u001b\[[\d;]*m/g;
const decoder = new TextDecoder();

/**
 * Whether a line is that hint.
 *
 * @param line The line with its line break.
 */
export function isServeHint(line: Uint8Array): boolean {
  if (line.length < HINT.length || line.length > LONGEST_BYTES) return false;
  return decoder.decode(line).replace(COLOUR, "") === HINT;
}
