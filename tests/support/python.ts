/** Asking Python: what its own functions give for many inputs, in one process. */

/**
 * Runs a Python program with `input` as JSON on its stdin and reads JSON from its stdout.
 *
 * @param python The path of the interpreter.
 * @param program The program's text; `data` holds the input, and it assigns `result`.
 * @throws {Error} with the program's stderr when it fails
 */
export async function askPython(
  python: string,
  program: string,
  input: unknown,
): Promise<unknown> {
  const text =
    `import json, sys\ndata = json.load(sys.stdin)\n${program}\nprint(json.dumps(result))`;
  const child = new Deno.Command(python, {
    args: ["-c", text],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A program that ends early closes its stdin: its stderr says why, the broken pipe does not.
  const written = writer.write(new TextEncoder().encode(JSON.stringify(input)))
    .then(() => writer.close()).catch(() => undefined);
  const { success, stdout, stderr } = await child.output();
  await written;
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A double as 16 hex digits: JSON has no infinities, and text could round. */
export function hexOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}
