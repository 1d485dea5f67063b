/**
 * What a server shows its clients.
 *
 * @module
 */

/** A certificate chain and its private key, both as PEM. */
export interface Certificate {
  /** The chain, the server's own certificate first. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}
