/**
 * The certificate of the application's server.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { CertificateFiles } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import type { Certificate } from "../http/certificate.ts";

/**
 * Reads the certificate, and again at each call of the result: a new worker gets the files as they
 * are then, so a reload takes up a renewed certificate. Files that are wrong by then are told, and
 * the last good ones go on being used. Only the master reads them.
 *
 * Permissions: read for both files, net for 127.0.0.1.
 *
 * @throws {Error} when the files cannot be used now
 */
export function certificateSource(files: CertificateFiles, log: Log): () => Certificate {
  let last = readCertificate(files);
  return () => {
    try {
      last = readCertificate(files);
    } catch (error) {
      log.error("Cannot take up a new certificate, going on with the former one", { error });
    }
    return last;
  };
}

function readCertificate({ certfile, keyfile }: CertificateFiles): Certificate {
  const cert = read(certfile, "--certfile");
  const key = read(keyfile, "--keyfile");
  try {
    // The runtime's own check: that both are PEM, and belong together.
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
  } catch (error) {
    throw new Error(
      `Cannot use ${JSON.stringify(certfile)} and ${JSON.stringify(keyfile)}: ${
        messageOf(error)
      }, ` +
        "expected a certificate and its private key as PEM",
      { cause: error },
    );
  }
  return { cert, key };
}

function read(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(
      `Cannot read ${JSON.stringify(path)} (${flag}): ${messageOf(error)}, expected a PEM file`,
      { cause: error },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
