/**
 * Finds out why the runtime could not load an application, before it tries.
 *
 * @module
 */

/** What a thread can say about an error: class and code do not survive the way otherwise. */
interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: unknown;
}

/**
 * The error with which the modules of an application fail to load, such as a missing file or
 * invalid code; `undefined` when they load. Without this the runtime would end the process with a
 * message of many lines. Nothing of the application is evaluated.
 *
 * The modules are imported after one that throws: the runtime loads and links all of them before it
 * evaluates the first, and evaluates none after a failure
 * (https://tc39.es/ecma262/#sec-innermoduleevaluation). This happens in a thread of its own, which
 * takes some 30 ms: a module that was loaded in this one could not become the main module.
 *
 * @param app URL of the application.
 */
export async function findLoadError(app: string): Promise<Error | undefined> {
  const modules = [dataModule("throw null;"), app];
  const graph = modules.map((url) => `import ${JSON.stringify(url)};`).join("\n");
  const report = `import(${JSON.stringify(dataModule(graph))}).catch((error) => {
    const { name, message, stack, code } = error ?? {};
    postMessage(error && { name, message, stack, code });
  });`;
  const thread = new Worker(dataModule(report), { type: "module" });
  try {
    const found = await new Promise<PlainError | null>((resolve) => {
      thread.onmessage = ({ data }) => resolve(data);
      thread.onerror = (event) => {
        // The thread itself does not run: the runtime has to tell what is wrong.
        event.preventDefault();
        resolve(null);
      };
    });
    // What the thread may not read, the main module may: its static imports need no permission.
    if (found === null || /^Requires \w+ access/.test(found.message)) return undefined;
    return Object.assign(new Error(found.message), found);
  } finally {
    thread.terminate();
  }
}

function dataModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
