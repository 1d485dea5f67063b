/** Reading pages: their code blocks and tables, so that tests can hold them to the program. */
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

/** A page of the documentation. */
export interface Page {
  /** Its path in the checkout. */
  readonly path: string;
  /** What it says, as Markdown. */
  readonly text: string;
  /** All of its code blocks, in order. */
  readonly blocks: readonly Block[];
}

/** Reads a page. @throws {Error} when a fence is not closed */
export async function readPage(path: string): Promise<Page> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  return { path, text, blocks: readBlocks(text) };
}

/** The lines of a block of commands, without comments; one that ends in a backslash goes on. */
export function commandLines({ text }: Block): string[] {
  const lines = text.replaceAll(/\\\n\s*/g, "").trim().split("\n");
  return lines.filter((line) => !line.startsWith("#"));
}

/** The words of a command line, without their quotes. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)]
    .map(([, double, single, plain]) => double ?? single ?? plain ?? "");
}

/** All code blocks, in order. @throws {Error} when a fence is not closed */
export function readBlocks(text: string): Block[] {
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
export function readTable(name: string, text: string): string[][] {
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
