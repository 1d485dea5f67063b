/** The command line was not understood; the exit code is 2. */
export class UsageError extends Error {
  /** @param message What was given, and what is expected. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
