/** What holds for every page: its commands work, its samples are real. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { parseExposition } from "./exposition.ts";
import { externalTest } from "./externals.ts";
import { commandLines, type Page } from "./pages.ts";
import { pageShell } from "./page_shell.ts";
import type { ProgramName } from "./programs.ts";
import { ROOT, spawn } from "./spawn.ts";
import { tempDir } from "./temp_dir.ts";

/** What a page needs beside Deno. */
export interface PageNeeds {
  /** Programs that its commands use. */
  readonly programs: readonly ProgramName[];
  /** Whether its commands write metric files. */
  readonly files: boolean;
  /** Starts what the commands talk to; gives the words to put in place of those on the page. */
  readonly start: (stack: AsyncDisposableStack) => Promise<Readonly<Record<string, string>>>;
}

const NEEDS: PageNeeds = { programs: [], files: true, start: () => Promise.resolve({}) };

const KINDS = new Set(["sh", "ts", "yaml", "yaml rules", "text", "text diagram"]);

type Words = Readonly<Record<string, string>>;

/** The pages that are tested here; the modules of all are type-checked together. */
export const PAGES: readonly string[] = ["README.md", "docs/deno_serve.md", "docs/redis.md"];

/** Registers the tests of a page. @throws {Error} when it is not one of {@linkcode PAGES} */
export function testPage(page: Page, { programs, files, start }: PageNeeds = NEEDS): void {
  const { path, blocks } = page;
  if (!PAGES.includes(path)) throw new Error(`${path} is none of PAGES, expected it to be one`);

  Deno.test(`${path} has no code block that nothing checks`, () => {
    const unknown = blocks.filter(({ kind }) => !KINDS.has(kind));
    assertEquals(unknown.map(({ line, kind }) => `${path}:${line}: ${kind}`), []);
    assertGreater(blocks.length, 5);
  });

  externalTest(
    `${path}: the command lines work in their order, and the samples are what they show`,
    programs,
    async () => {
      await using stack = new AsyncDisposableStack();
      const dir = stack.use(await tempDir());
      const words = await start(stack);
      await writeModules(page, dir.path, words);
      await using shell = pageShell(dir.path, files ? `${dir.path}/metrics` : undefined);
      for (const block of blocks.filter(({ kind }) => kind === "sh")) {
        for (const line of commandLines(block)) await shell.run(replaceAll(line, words));
      }
      await shell.stop();
      assertSamples(page, shell.pages);
    },
  );

  externalTest(`${path}: Prometheus accepts its configuration`, ["promtool"], async (
    { promtool },
  ) => {
    const found = blocks.filter(({ kind }) => kind.startsWith("yaml"));
    assertGreater(found.length, 0);
    for (const { kind, text } of found) {
      await using dir = await tempDir();
      const file = `${dir.path}/prometheus.yml`;
      await Deno.writeTextFile(file, text);
      const what = kind === "yaml rules" ? "rules" : "config";
      await using check = spawn(promtool, ["check", what, file]);
      assertEquals((await check.status).code, 0, check.stdout + check.stderr);
    }
  });
}

/** A series but for its label values: which of the workers answers is chance. */
export function shapeOf(key: string): string {
  const [, name, labels] = /^([^{]+)(.*)$/.exec(key)!;
  return [name, ...labels === "" ? [] : Object.keys(JSON.parse(labels!))].join(" ");
}

/**
 * Writes the page's modules to files, with the checkout in the place of the package.
 *
 * @returns Their names
 */
export async function writeModules(
  { path, blocks }: Page,
  directory: string,
  words: Words = {},
): Promise<string[]> {
  const names: string[] = [];
  for (const { text, line } of blocks.filter(({ kind }) => kind === "ts")) {
    const name = /^\/\/ (\w+\.ts)\n/.exec(text)?.[1];
    if (name === undefined) throw new Error(`${path}:${line}: the module has no file name`);
    const source = text
      .replaceAll('"jsr:@gpe/cli"', JSON.stringify(new URL("mod.ts", ROOT).href))
      .replace("Deno.serve({ port: 8000 }", 'Deno.serve({ hostname: "127.0.0.1", port: 0 }');
    await Deno.writeTextFile(`${directory}/${name}`, replaceAll(source, words));
    names.push(name);
  }
  return names;
}

function replaceAll(text: string, words: Words): string {
  return Object.entries(words).reduce((sum, [from, to]) => sum.replaceAll(from, to), text);
}

/** Checks that a page shows the lines of the text blocks, whatever their values. */
export function assertSamples({ path, blocks }: Page, pages: readonly string[]): void {
  for (const { text, line } of blocks.filter(({ kind }) => kind === "text")) {
    const wanted = text.trim().split("\n");
    const comments = wanted.filter((row) => row.startsWith("#"));
    const shapes = [...parseExposition(text).keys()].map(shapeOf);
    const shown = pages.some((page) => {
      const found = new Set([...parseExposition(page).keys()].map(shapeOf));
      return comments.every((row) => page.includes(`${row}\n`)) &&
        shapes.every((shape) => found.has(shape));
    });
    assert(shown, `${path}:${line}: no page of the commands has these lines`);
  }
}
