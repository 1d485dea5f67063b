/**
 * Values in error messages, as Node's `util.format` and `util.inspect` print them: prom-client's
 * messages have them, and programs compare messages. Covers what can stand there, shallowly.
 *
 * @module
 */

/** Node breaks lines at this width (`breakLength` of `util.inspect`). */
const BREAK_LENGTH = 80;

/**
 * A value as `util.format(value)` prints it.
 *
 * @param value Anything; objects are shown one level deep.
 */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : inspectValue(value, 0);
}

/**
 * A list of texts as `util.inspect(list)` prints it: `[ 'a', 'b' ]`.
 *
 * @param list The texts.
 */
export function inspectList(list: readonly string[]): string {
  return wrap(list.length > 6 ? columns(list.map(quote)) : list.map(quote), list.length, "[", "]");
}

function inspectValue(value: unknown, depth: number): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") {
    return value.name === "" ? "[Function (anonymous)]" : `[Function: ${value.name}]`;
  }
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return String(value);
  if (depth > 2) return Array.isArray(value) ? "[Array]" : "[Object]";
  if (Array.isArray(value)) {
    return wrap(value.map((item) => inspectValue(item, depth + 1)), value.length, "[", "]");
  }
  const entries = Object.entries(value).map(([name, item]) =>
    `${/^[A-Za-z_]\w*$/.test(name) ? name : quote(name)}: ${inspectValue(item, depth + 1)}`
  );
  return wrap(entries, entries.length, "{", "}");
}

function quote(text: string): string {
  const mark = !text.includes("'")
    ? "'"
    : !text.includes('"')
    ? '"'
    : !text.includes("`")
    ? "`"
    : "'";
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

/** One line where it fits and nothing was put into columns, else one line an entry. */
function wrap(entries: readonly string[], count: number, open: string, close: string): string {
  if (entries.length === 0) return open + close;
  const length = entries.reduce((sum, entry) => sum + entry.length, entries.length);
  if (entries.length === count && length + entries.length + open.length + 10 <= BREAK_LENGTH) {
    return `${open} ${entries.join(", ")} ${close}`;
  }
  return `${open}\n  ${entries.join(",\n  ")}\n${close}`;
}

/** Long lists of short entries stand in columns; the rule is that of Node's `groupArrayElements`. */
function columns(entries: readonly string[]): readonly string[] {
  const widths = entries.map((entry) => entry.length + 2);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const widest = Math.max(...widths);
  if (widest * 3 >= BREAK_LENGTH || (total / widest <= 5 && widest - 2 > 6)) return entries;
  const biased = Math.max(widest - 3 - Math.sqrt(widest - total / entries.length), 1);
  const count = Math.min(
    Math.round(Math.sqrt(2.5 * biased * entries.length) / biased),
    Math.floor(BREAK_LENGTH / widest),
    12,
    15,
  );
  if (count <= 1) return entries;
  const lines: string[] = [];
  for (let row = 0; row < entries.length; row += count) {
    let line = "";
    for (let i = row; i < Math.min(row + count, entries.length); i++) {
      const last = i === Math.min(row + count, entries.length) - 1;
      let width = 0;
      for (let j = i - row; j < widths.length; j += count) width = Math.max(width, widths[j]!);
      line += last ? entries[i] : `${entries[i]}, `.padEnd(width);
    }
    lines.push(line);
  }
  return lines;
}
