/**
 * Names the thread in what it prints: all threads of a process have one output.
 *
 * @module
 */

/** Stands before and after the name, at the beginning of a line. It is ASCII's unit separator. */
export const NAME_MARK = 0x1f;

/** What other methods print, such as tables, keeps the name of the process. */
const METHODS = ["log", "info", "debug", "warn", "error"] as const;

/** Has the console mark each line from now on; the master takes the marks out again. */
export function nameConsole(workerId: string): void {
  const separator = String.fromCharCode(NAME_MARK);
  const mark = separator + workerId + separator;
  const marked = (text: string): string => mark + text.replaceAll("\n", `\n${mark}`);
  for (const method of METHODS) {
    const print = console[method];
    console[method] = (...data: unknown[]) => {
      const [first, ...rest] = data;
      if (typeof first === "string" && first.includes("%")) {
        // With placeholders, perhaps; only the console itself knows its rules for them.
        print.call(console, marked(first), ...rest);
      } else {
        print.call(console, marked(data.map(textOf).join(" ")));
      }
    };
  }
}

/** What the console makes of a value; its output is a pipe, so it has no colours. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : Deno.inspect(value);
}
