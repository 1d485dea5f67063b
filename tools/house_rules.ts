/** Rules of this repository that neither the formatter nor the linter knows. */

const MAX_LINES = 400;

// Spelled in pieces, so that this file keeps its own rule.
const HOSTS = [["npm", "js"], ["jsr", ".io"], ["deb.", "debian"], ["archive.", "ubuntu"]].map(
  (pieces) => pieces.join(""),
);
const MACHINE_PATH = /(?<![\w.}])\/(?:work|root|home)\/[\w.-]/;

/** What is wrong with a file of the repository, one line each. */
export function checkHouseRules(path: string, text: string): string[] {
  const problems: string[] = [];
  const lines = text.split("\n");
  if (path.endsWith(".ts") && lines.length - 1 > MAX_LINES) {
    problems.push(`${path}: ${lines.length - 1} lines, expected at most ${MAX_LINES}`);
  }
  if (/[A-Z]|-/.test(path.split("/").at(-1)!) && path.endsWith(".ts")) {
    problems.push(`${path}: the file name is not in snake_case`);
  }
  lines.forEach((line, index) => {
    const host = HOSTS.find((host) => line.includes(host));
    if (host !== undefined) problems.push(`${path}:${index + 1}: names the host "${host}"`);
    const machine = MACHINE_PATH.exec(line);
    if (machine !== null) problems.push(`${path}:${index + 1}: names a path of one machine`);
  });
  return problems;
}
