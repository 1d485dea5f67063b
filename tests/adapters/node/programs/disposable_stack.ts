/** `AsyncDisposableStack`, as far as the tests use it, for versions of Node that have none. */

class DisposableStack {
  readonly #resources: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(resource: T): T {
    this.#resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.reverse()) await resource[Symbol.asyncDispose]();
  }
}

const scope = globalThis as { AsyncDisposableStack?: unknown };
scope.AsyncDisposableStack ??= DisposableStack;

export {};
