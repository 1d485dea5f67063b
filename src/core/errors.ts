/**
 * The error classes of the package: one for every case in which a caller branches.
 * Everything else is a built-in class (`TypeError`, `RangeError`, `Error`) with a clear message.
 *
 * @module
 */

/** A setting is missing, malformed or contradicts another one. The command line exits with 2. */
export class ConfigError extends Error {
  /** Every problem found, one line each. */
  readonly problems: readonly string[];

  /**
   * Makes the error; its message is the problems, one a line.
   *
   * @param problems One line a problem: what, which value, what was expected.
   * @param options The error that caused this one, where there is one.
   */
  constructor(problems: readonly string[], options?: { readonly cause?: unknown }) {
    super(problems.join("\n"), options);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** The storage cannot be used as asked: the directory is not ours, taken, not writable. */
export class StorageError extends Error {
  /** The directory, file or server that the message is about; never contains a secret. */
  readonly target: string;

  /**
   * Makes the error.
   *
   * @param message "Cannot <action>: <state>, expected <wanted>".
   * @param target The directory, file or server.
   * @param options The error that caused this one, where there is one.
   */
  constructor(message: string, target: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "StorageError";
    this.target = target;
  }
}

/**
 * A metric was made or used wrongly. Where prom-client has a message of its own for the case, the
 * error thrown has that message, and this one, which names the metric and the value, as `cause`.
 */
export class MetricMisuse extends Error {
  /**
   * Makes the error.
   *
   * @param message "Cannot <action>: <state>, expected <wanted>".
   */
  constructor(message: string) {
    super(message);
    this.name = "MetricMisuse";
  }
}
