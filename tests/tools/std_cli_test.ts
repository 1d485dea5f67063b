import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli";
import { parseArgs as same } from "@std/cli/parse-args";

Deno.test("parseArgs() reads strings, booleans and arguments by their declared types", () => {
  const args = parseArgs(["serve", "--port", "0080", "--verbose", "app.ts", "--host=::1", "7"], {
    string: ["port", "host", "dir"],
    boolean: ["verbose", "quiet"],
  });
  const port: string | undefined = args.port;
  const verbose: boolean = args.verbose;
  assertEquals([port, verbose, args.quiet, args.host, args.dir], [
    "0080",
    true,
    false,
    "::1",
    undefined,
  ]);
  assertEquals(args._, ["serve", "app.ts", 7]);
  assertEquals(same, parseArgs);
});

Deno.test("parseArgs() takes the last one when a flag is repeated, or all when it is collected", () => {
  const args = parseArgs(["--flag", "a", "--name", "x", "--flag=b", "--name=y"], {
    string: ["flag", "name", "other"],
    collect: ["flag", "other"],
  });
  const flags: string[] = args.flag;
  assertEquals([flags, args.other, args.name], [["a", "b"], [], "y"]);
});

Deno.test("parseArgs() leaves a value that looks like a flag alone unless it follows =", () => {
  const args = parseArgs(["--a", "--b", "-1", "--c=--allow-net"], { string: ["a", "b", "c"] });
  assertEquals([args.a, args.b, args.c], ["", "", "--allow-net"]);
});

Deno.test("parseArgs() asks about flags and arguments that are not declared", () => {
  const asked: unknown[][] = [];
  const args = parseArgs(["--good", "v", "--bad", "w", "--worse=x", "rest", "-z", "--good="], {
    string: ["good"],
    unknown: (...question) => {
      asked.push(question);
      return !question[0].startsWith("-");
    },
  });
  assertEquals(asked, [
    ["--bad", "bad", "w"],
    ["--worse=x", "worse", "x"],
    ["--good=", "good=", true],
    ["rest"],
    ["-z", "z", true],
  ]);
  assertEquals({ ...args }, { good: "v", _: ["rest"] });
});

Deno.test("parseArgs() negates only what is negatable", () => {
  const args = parseArgs(["--no-color", "--no-cache"], {
    boolean: ["color", "no-cache"],
    negatable: ["color"],
    default: { color: true },
  });
  assertEquals([args.color, args["no-cache"], args.cache], [false, true, undefined]);
});

Deno.test("parseArgs() gives aliases and defaults when they are declared", () => {
  const args = parseArgs(["-w", "4", "-V"], {
    string: ["workers", "bind"],
    boolean: ["version"],
    alias: { workers: "w", version: ["V"] },
    default: { bind: "127.0.0.1:0" },
  });
  const bind: string = args.bind;
  assertEquals([args.workers, args.w, args.version, bind], ["4", "4", true, "127.0.0.1:0"]);
});

Deno.test("parseArgs() stops at the first argument or at -- when asked", () => {
  const early = parseArgs(["--dir", "d", "serve", "--dir", "e", "--x"], {
    string: ["dir"],
    stopEarly: true,
  });
  assertEquals([early.dir, early._], ["d", ["serve", "--dir", "e", "--x"]]);
  const dashes = parseArgs(["a", "--", "--b", "c"], { "--": true });
  assertEquals([dashes._, dashes["--"]], [["a"], ["--b", "c"]]);
  assertEquals(parseArgs(["a", "--", "--b"], { string: "c" })._, ["a", "--b"]);
});
