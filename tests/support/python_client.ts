/**
 * Python's client, in the versions that Debian packages: one for each layout of the files.
 *
 * Debian 12 has 0.16, which writes values only. The package of Debian 13 (0.21, values and times) is
 * fetched from the mirror that apt is configured with, and unpacked into the checkout's `.cache`:
 * nothing is installed.
 */
import { externals } from "./externals.ts";
import { cleanEnv, ROOT } from "./spawn.ts";

/** An installed or unpacked client. */
export interface PythonClient {
  /** Its version. */
  readonly version: string;
  /** The path of Python. */
  readonly python: string;
  /** What Python needs in its environment to find this client. */
  readonly env: Readonly<Record<string, string>>;
}

/** Which client writes which layout. */
export type Layout = "value" | "timestamp";

/** What to call a client that is missing. */
export const CLIENT_NAMES: Readonly<Record<Layout, string>> = {
  value: "python3-prometheus-client of Debian 12",
  timestamp: "python3-prometheus-client of Debian 13",
};

const CACHE = new URL(".cache/python-client-debian-13/", ROOT);
const PACKAGES = "usr/lib/python3/dist-packages";

/** The client for a layout; `undefined` where it cannot be had. */
export async function pythonClient(layout: Layout): Promise<PythonClient | undefined> {
  const python = externals["python3-prometheus-client"];
  if (python === undefined) return undefined;
  const installed = await probe(python, {});
  if (installed !== undefined && layoutOf(installed.version) === layout) return installed;
  if (layout === "value") return undefined;
  const unpacked = new URL(PACKAGES, CACHE).pathname;
  const env = { PYTHONPATH: unpacked };
  return await probe(python, env) ?? (await fetchPackage() ? await probe(python, env) : undefined);
}

/** Runs a Python program to its end. @throws {Error} with what it said when it failed */
export async function runPython(
  client: PythonClient,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(client.python, {
    args: [...args],
    env: cleanEnv({ ...client.env, ...env }),
    clearEnv: true,
  }).output();
  if (!success) throw new Error(`Python failed:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The file that Python imports tells which client it is: an environment may be ignored. */
async function probe(
  python: string,
  env: Record<string, string>,
): Promise<PythonClient | undefined> {
  const code = "import importlib.metadata as m, prometheus_client as p;" +
    "print(m.version('prometheus_client'), p.__file__)";
  const { success, stdout } = await new Deno.Command(python, {
    args: ["-c", code],
    env: cleanEnv(env),
    clearEnv: true,
    stderr: "null",
  }).output();
  const [version, file] = new TextDecoder().decode(stdout).trim().split(" ");
  if (!success || version === undefined || file === undefined) return undefined;
  if (env.PYTHONPATH !== undefined && !file.startsWith(env.PYTHONPATH)) return undefined;
  return { version, python, env };
}

/** Times came with 0.18. */
function layoutOf(version: string): Layout {
  const [major, minor] = version.split(".").map(Number) as [number, number];
  return major === 0 && minor < 18 ? "value" : "timestamp";
}

/** Unpacks the package of Debian 13 into the cache. @returns whether that worked */
async function fetchPackage(): Promise<boolean> {
  if (externals["apt-get"] === undefined) return false;
  const site = await debianMirror();
  if (site === undefined) return false;
  await Deno.mkdir(new URL("../", CACHE), { recursive: true });
  const work = await Deno.makeTempDir({ dir: new URL("../", CACHE).pathname });
  try {
    for (const directory of ["lists/partial", "cache/archives/partial", "unpacked"]) {
      await Deno.mkdir(`${work}/${directory}`, { recursive: true });
    }
    const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    const source = `deb [signed-by=${keyring}] ${site} trixie main\n`;
    await Deno.writeTextFile(`${work}/debian.list`, source);
    await Deno.writeTextFile(`${work}/status`, "");
    const settings = {
      "Dir::Etc::sourcelist": `${work}/debian.list`,
      "Dir::Etc::sourceparts": "-",
      "Dir::State::lists": `${work}/lists`,
      "Dir::State::status": `${work}/status`,
      "Dir::Cache": `${work}/cache`,
      "Acquire::Languages": "none",
      "APT::Sandbox::User": "",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    if (!await run("apt-get", [...options, "-q", "update"], work)) return false;
    const wanted = "python3-prometheus-client";
    if (!await run("apt-get", [...options, "-q", "download", wanted], work)) return false;
    const [file] = [...Deno.readDirSync(work)].filter(({ name }) => name.endsWith(".deb"));
    if (file === undefined) return false;
    if (!await run("dpkg-deb", ["-x", file.name, "unpacked"], work)) return false;
    await Deno.rename(`${work}/unpacked`, CACHE);
    return true;
  } catch (error) {
    // Another run of the tests has put it there meanwhile.
    if (error instanceof Error && /not empty|exists/i.test(error.message)) return true;
    throw error;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** The Debian mirror in apt's configuration: not that of security updates. */
async function debianMirror(): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command("apt-get", {
    args: ["indextargets", "--format", "$(SITE)", "Created-By: Packages", "Component: main"],
    stderr: "null",
  }).output();
  const sites = new TextDecoder().decode(stdout).split("\n");
  return success ? sites.find((site) => /\/debian\/?$/.test(site)) : undefined;
}

async function run(program: string, args: readonly string[], cwd: string): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) console.error(`${program} ${args.at(-1)}: ${new TextDecoder().decode(stderr)}`);
  return success;
}
