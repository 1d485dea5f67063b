/**
 * Says in one line why an application could not be loaded.
 *
 * @module
 */
import type { BootFailure } from "../../master/primitives.ts";

/** Where this package's code is: the place of an error is the application's line, not ours. */
const OWN_SOURCE = new URL("../../", import.meta.url).href;
const LOCATION = /((?:file|https?|data|jsr|npm):[^\s()]*:\d+:\d+)/;
// deno-lint-ignore no-control-regex -- the runtime colours paths inside of messages
const COLOUR = /\u001b\[\d+m/g;

/** What the import of an application's module threw, or what the module did not catch. */
export function describeLoadFailure(app: string, error: unknown): BootFailure {
  const misuse = misuseOf(error);
  const failure = { permanent: misuse !== undefined || isModuleError(error) };
  const subject = `Cannot load ${JSON.stringify(shortName(app))}`;
  if (!(error instanceof Error)) {
    return { ...failure, message: `${subject}: it threw ${oneLine(Deno.inspect(error))}` };
  }
  const text = error.message.replace(COLOUR, "");
  const place = location(text) ??
    location(error.stack?.replace(COLOUR, "") ?? "");
  // A module error is reported as TypeError: "SyntaxError: Expression expected".
  const named = misuse ?? (failure.permanent ? oneLine(text) : `${error.name}: ${oneLine(text)}`);
  const message = place === undefined || named.includes(place)
    ? `${subject}: ${named}`
    : `${subject}: ${named} (${place})`;
  return error.stack === undefined
    ? { ...failure, message }
    : { ...failure, message, stack: error.stack };
}

/** The application did nothing that could be served. */
export function describeMissingHandler(app: string): BootFailure {
  return {
    permanent: true,
    message: `Cannot serve ${JSON.stringify(shortName(app))}: it has no handler, expected ` +
      "a default export with a fetch function, or a call of Deno.serve or of a server's listen",
  };
}

/** The path of a file URL; other URLs as they are. */
export function shortName(url: string): string {
  if (!url.startsWith("file://")) return url;
  return decodeURIComponent(new URL(url).pathname);
}

/**
 * What is said of a metric that was made or used wrongly. By name: the application may have
 * another copy of this package.
 */
function misuseOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const misuse = [error, error.cause].find((it) =>
    it instanceof Error && it.name === "MetricMisuse"
  );
  return misuse === undefined ? undefined : oneLine((misuse as Error).message);
}

/** Whether a module is missing or is not valid code: trying again would change nothing. */
function isModuleError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ((error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND") return true;
  // JSON.parse() throws a SyntaxError too, but one without a place.
  return error.name === "SyntaxError" && LOCATION.test(error.message);
}

function location(text: string): string | undefined {
  for (const line of text.split("\n")) {
    const place = LOCATION.exec(line)?.[1];
    if (place !== undefined && !place.startsWith(OWN_SOURCE)) return place;
  }
  return undefined;
}

function oneLine(text: string): string {
  return text.split("\n", 1)[0]!.trim();
}
