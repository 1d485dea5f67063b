/** Reading the README: its code blocks and its tables, so that tests can hold it to the program. */
import { ROOT } from "./spawn.ts";

/** A fenced code block. */
export interface Block {
  /** What stands after the opening fence. */
  readonly kind: string;
  /** What stands between the fences. */
  readonly text: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
}

/** The README. */
export const README: string = await Deno.readTextFile(new URL("README.md", ROOT));

/** All code blocks, in order. @throws {Error} when a fence is not closed */
export function readBlocks(text: string = README): Block[] {
  const blocks: Block[] = [];
  let open: { kind: string; lines: string[]; line: number } | undefined;
  text.split("\n").forEach((line, index) => {
    if (!line.startsWith("```")) {
      open?.lines.push(line);
    } else if (open === undefined) {
      open = { kind: line.slice(3).trim(), lines: [], line: index + 1 };
    } else {
      blocks.push({ kind: open.kind, text: `${open.lines.join("\n")}\n`, line: open.line });
      open = undefined;
    }
  });
  if (open !== undefined) throw new Error(`Cannot read blocks: line ${open.line} opens the last`);
  return blocks;
}

/** The rows of the table after `<!-- name -->`, without head; code marks are taken off the cells. */
export function readTable(name: string, text: string = README): string[][] {
  const [, after] = text.split(`<!-- ${name} -->\n`);
  if (after === undefined) throw new Error(`Cannot read table: ${JSON.stringify(name)} is missing`);
  const rows: string[][] = [];
  for (const line of after.trimStart().split("\n")) {
    if (!line.startsWith("|")) break;
    const cells = line.replace(/^\||\|$/g, "").split(/(?<!\\)\|/);
    rows.push(cells.map((cell) => cell.trim().replaceAll("`", "").replaceAll("\\|", "|")));
  }
  return rows.slice(2);
}
