/**
 * A local stand-in for "@std/path": the functions the command line uses, over Node's.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";

export {
  basename,
  delimiter as DELIMITER,
  dirname,
  extname,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  sep as SEPARATOR,
} from "node:path";

/** The path of a `file:` URL. @throws {TypeError} when it is another kind of URL */
export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

/** The `file:` URL of an absolute path. @throws {TypeError} when the path is relative */
export function toFileUrl(path: string): URL {
  if (!isAbsolute(path)) {
    throw new TypeError(
      `Cannot make a file URL: path is ${JSON.stringify(path)}, expected an absolute one`,
    );
  }
  return pathToFileURL(path);
}
