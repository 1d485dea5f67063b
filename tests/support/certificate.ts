/** Certificates for tests, made by openssl. */
import { spawn } from "./spawn.ts";

/** The files of a certificate for `localhost` and 127.0.0.1, which signs itself. */
export interface CertificateFiles {
  /** The certificate. */
  readonly certfile: string;
  /** Its private key. */
  readonly keyfile: string;
}

/** Makes `NAME.crt` and `NAME.key` in a directory, or replaces them. */
export async function makeCertificate(
  openssl: string,
  directory: string,
  name: string,
): Promise<CertificateFiles> {
  const files = { certfile: `${directory}/${name}.crt`, keyfile: `${directory}/${name}.key` };
  await using program = spawn(openssl, [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", files.keyfile, "-out", files.certfile, "-days", "2", "-subj", `/CN=${name}`],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  const { code } = await program.status;
  if (code !== 0) throw new Error(`openssl failed: ${program.stderr}`);
  return files;
}
