/** A Redis server that speaks TLS. */
import { makeCertificate } from "./certificate.ts";
import { freePort } from "./free_port.ts";
import { startRedis } from "./redis_server.ts";
import { tempDir } from "./temp_dir.ts";

/** A running server; `await using` ends it. */
export interface TlsRedis extends AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** Its certificate as PEM, which signs itself. */
  readonly ca: string;
  /** The file of that certificate. */
  readonly caFile: string;
  /** The certificate, as PEM, of somebody else. */
  readonly otherCa: string;
}

/** Starts a server that speaks TLS alone, and asks for no certificate. */
export async function startTlsRedis(
  openssl: string,
  args: readonly string[] = [],
): Promise<TlsRedis> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const { certfile, keyfile } = await makeCertificate(openssl, dir.path, "redis");
  const other = await makeCertificate(openssl, dir.path, "other");
  const port = freePort();
  stack.use(
    await startRedis([
      ...["--port", "0", "--tls-port", `${port}`, "--tls-auth-clients", "no"],
      ...["--tls-cert-file", certfile, "--tls-key-file", keyfile, "--tls-ca-cert-file", certfile],
      ...args,
    ]),
  );
  const owned = stack.move();
  return {
    port,
    ca: await Deno.readTextFile(certfile),
    caFile: certfile,
    otherCa: await Deno.readTextFile(other.certfile),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
