import { assert, assertEquals, assertGreater } from "@std/assert";
import { commandLines, readPage, wordsOf } from "../../support/pages.ts";
import { ROOT } from "../../support/spawn.ts";

const names = async (path: string): Promise<string[]> =>
  (await Array.fromAsync(Deno.readDir(new URL(path, ROOT)))).map(({ name }) => name).sort();

const PAGES = await names("docs/frameworks");
const shown = new Set<string>();

for (const name of PAGES) {
  const page = await readPage(`docs/frameworks/${name}`);
  const files = page.blocks.flatMap(({ text }) => /^\/\/ (\S+)\n/.exec(text)?.[1] ?? []);
  for (const file of files) shown.add(file);

  Deno.test(`docs/frameworks/${name} shows the examples that the tests run, as they are`, async () => {
    const programs = page.blocks.filter(({ kind }) => kind === "ts" || kind === "js");
    assertGreater(programs.length, 0);
    for (const { text } of programs) {
      const [, file, program] = /^\/\/ (\S+)\n(.*)$/s.exec(text)!;
      const source = await Deno.readTextFile(new URL(`examples/frameworks/${file}`, ROOT));
      const expected = source.replace(/^\/\*\*.*?\*\/\n/s, "")
        .replace('"../../mod.ts"', '"jsr:@gpe/cli"');
      assertEquals(program, expected, `${name}: ${file}`);
    }
  });

  Deno.test(`docs/frameworks/${name} runs what it shows, and shows metrics`, () => {
    const commands = page.blocks.filter(({ kind }) => kind === "sh").flatMap(commandLines);
    const run = commands.flatMap((line) => {
      const words = wordsOf(line);
      const at = words.findIndex((word) => word === "node" || word === "serve");
      return at < 0 ? [] : [words[at + 1]!];
    });
    assertGreater(run.length, 0);
    for (const file of run) assert(files.includes(file), `${name}: ${file} is not on the page`);
    assert(page.blocks.some(({ kind }) => kind === "text"), `${name} shows no metrics`);
  });
}

Deno.test("every example of a framework is on a page, and every page is in docs/frameworks.md", async () => {
  assertEquals([...shown].sort(), await names("examples/frameworks"));
  const { text } = await readPage("docs/frameworks.md");
  const linked = [...text.matchAll(/\]\(frameworks\/(\S+)\)/g)].map(([, page]) => page!);
  assertEquals(linked.sort(), PAGES);
});
