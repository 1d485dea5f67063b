/**
 * Loading a module that looks through the environment without having to be permitted that.
 *
 * @module
 */
import process from "node:process";

/** What only Deno has. */
interface DenoPermissions {
  querySync(permission: { name: "env"; variable?: string }): { readonly state: string };
}

/**
 * Loads a module. On Deno, where the environment may not be read as a whole, `process.env` shows
 * meanwhile what may be read: the log of a client for debugging lists all variables, and Deno would
 * ask for that on the terminal, or refuse it.
 */
export async function loadWithPermittedEnv<T>(load: () => Promise<T>): Promise<T> {
  const permissions = (globalThis as { readonly Deno?: { readonly permissions: DenoPermissions } })
    .Deno?.permissions;
  const isPermitted = (variable?: string): boolean =>
    permissions?.querySync({ name: "env", ...variable && { variable } }).state === "granted";
  if (permissions === undefined || isPermitted()) return await load();
  const whole = process.env;
  process.env = new Proxy({}, {
    get: (_, name) => typeof name === "string" && isPermitted(name) ? whole[name] : undefined,
  });
  try {
    return await load();
  } finally {
    process.env = whole;
  }
}
