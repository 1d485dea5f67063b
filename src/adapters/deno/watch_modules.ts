/**
 * Notices when the application's own modules change, for development.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";

/** Editors write a file in several steps, and several files at once: they are one change. */
const QUIET_MS = 100;

/** What is watched. */
export interface WatchOptions {
  /** The application's module. */
  readonly app: URL;
  /** The workers' flags: where a configuration or an import map is found is taken from them. */
  readonly denoFlags: readonly string[];
  /** Called when a module has changed, with its path. */
  readonly onChange: (path: string) => void;
  /** Where failures go. */
  readonly log: Log;
}

/**
 * Watches the application's module and every local module it imports, directly or not; which they
 * are is found anew after each change. What else lies in their folders is not looked at: metrics
 * and logs may be written there.
 *
 * Permissions: run for Deno, read for the folders.
 */
export function watchModules({ app, denoFlags, onChange, log }: WatchOptions): AsyncDisposable {
  let watcher: Deno.FsWatcher | undefined;
  let modules: ReadonlySet<string> = new Set();
  let stopped = false;

  async function lookAnew(): Promise<void> {
    const found = await localModules(app, denoFlags, log);
    // Where none can be found, those of before stay watched.
    if (found.size > 0) modules = found;
    watcher?.close();
    watcher = stopped ? undefined : Deno.watchFs(foldersOf(modules), { recursive: false });
  }

  async function watch(): Promise<void> {
    await lookAnew();
    while (watcher !== undefined) {
      const path = await nextChange(watcher, modules);
      if (path === undefined) return;
      // Before the new workers load them, so that no later change is missed.
      await lookAnew();
      if (!stopped) onChange(path);
    }
  }

  const watching = watch().catch((error) => log.error("Cannot watch the modules", { error }));
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      watcher?.close();
      await watching;
    },
  };
}

/** The first of the modules that changes, once nothing has changed for a moment. */
async function nextChange(
  watcher: Deno.FsWatcher,
  modules: ReadonlySet<string>,
): Promise<string | undefined> {
  let changed: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const { kind, paths } of watcher) {
    if (kind === "access") continue;
    const path = paths.find((path) => modules.has(path));
    if (path === undefined) continue;
    changed ??= path;
    clearTimeout(timer);
    timer = setTimeout(() => watcher.close(), QUIET_MS);
  }
  clearTimeout(timer);
  return changed;
}

/** The paths of the local modules; none where the application cannot be read. */
async function localModules(
  app: URL,
  denoFlags: readonly string[],
  log: Log,
): Promise<ReadonlySet<string>> {
  const flags = denoFlags.filter((flag) => /^--(config|import-map|no-config)\b/.test(flag));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...flags, app.href],
  }).output();
  try {
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: readonly { readonly specifier: string }[];
    };
    return new Set(
      modules.filter(({ specifier }) => specifier.startsWith("file:"))
        .map(({ specifier }) => decodeURIComponent(new URL(specifier).pathname)),
    );
  } catch {
    log.debug("Cannot find the application's modules", {
      output: new TextDecoder().decode(stderr),
    });
    return new Set();
  }
}

function foldersOf(paths: Iterable<string>): string[] {
  return [...new Set([...paths].map((path) => path.slice(0, path.lastIndexOf("/")) || "/"))];
}
