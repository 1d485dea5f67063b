/** The rights that the documentation says are the least that work. */
import { commandLines, readPage, wordsOf } from "./pages.ts";

/** The password of that user. */
export const PASSWORD = "secret";

/** The rules of `ACL SETUSER`, word for word as `docs/redis.md` has them, but for the password. */
export const LEAST_RIGHTS: readonly string[] = await readLeastRights();

async function readLeastRights(): Promise<string[]> {
  const { blocks } = await readPage("docs/redis.md");
  const line = blocks.filter(({ kind }) => kind === "sh").flatMap(commandLines)
    .find((line) => line.includes("ACL SETUSER"));
  const [, rules] = /ACL SETUSER \w+ (.*)$/.exec(line ?? "") ?? [];
  if (rules === undefined) throw new Error("Cannot find ACL SETUSER in docs/redis.md");
  const words = wordsOf(rules);
  if (!words.includes(`>${PASSWORD}`)) throw new Error(`Cannot read ${rules}: another password`);
  return words;
}
