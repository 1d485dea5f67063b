/** The external programs that tests use: where they are, and which Debian package brings them. */

/** Something that has to be installed beside Deno. */
interface Program {
  /** The package for apt-get. */
  readonly debianPackage: string;
  /** The path of the program, or undefined when it is not there. */
  find(): string | undefined;
}

const PYTHON_PATH = "/usr/bin/python3";
const PYTHON_CLIENT = "/usr/lib/python3/dist-packages/prometheus_client/__init__.py";

const PROGRAMS = {
  promtool: { debianPackage: "prometheus", find: () => onPath("promtool") },
  prometheus: { debianPackage: "prometheus", find: () => onPath("prometheus") },
  // Debian's own python3: another one on the PATH does not see Debian's package of the client.
  "python3-prometheus-client": {
    debianPackage: "python3-prometheus-client",
    find: () => isFile(PYTHON_PATH) && isFile(PYTHON_CLIENT) ? PYTHON_PATH : undefined,
  },
  "redis-server": { debianPackage: "redis-server", find: () => onPath("redis-server") },
  "redis-cli": { debianPackage: "redis-tools", find: () => onPath("redis-cli") },
  python3: { debianPackage: "python3", find: () => onPath("python3") },
  openssl: { debianPackage: "openssl", find: () => onPath("openssl") },
  curl: { debianPackage: "curl", find: () => onPath("curl") },
  node: { debianPackage: "nodejs", find: () => onPath("node") },
  npm: { debianPackage: "npm", find: () => onPath("npm") },
  "apt-get": { debianPackage: "apt", find: () => onPath("apt-get") },
} satisfies Record<string, Program>;

/** The name of an external program. */
export type ProgramName = keyof typeof PROGRAMS;

/** Every external program, by name. */
export const PROGRAM_NAMES = Object.keys(PROGRAMS) as ProgramName[];

/** Looks for a program anew. */
export function findProgram(name: ProgramName): string | undefined {
  return PROGRAMS[name].find();
}

/** The command that installs the programs on Debian or Ubuntu. */
export function installCommand(names: readonly ProgramName[]): string[] {
  const packages = new Set(names.map((name) => PROGRAMS[name].debianPackage));
  return ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
}

function onPath(name: string): string | undefined {
  const directories = (Deno.env.get("PATH") ?? "").split(":").filter((part) => part !== "");
  return directories.map((directory) => `${directory}/${name}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
