import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { makeCertificate } from "../support/certificate.ts";
import { externalTest } from "../support/externals.ts";
import { runGpe, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, childrenOf, serveArguments, startServing } from "./serving.ts";

/** Asks once, trusting this certificate alone. */
async function ask(url: string, certfile: string): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(certfile)] });
  return await (await fetch(url, { client })).text();
}

externalTest(
  "gpe serve --certfile speaks HTTP/2 and HTTP/1.1 over TLS",
  ["openssl", "curl"],
  async ({ openssl, curl }) => {
    await using dir = await tempDir();
    const { certfile, keyfile } = await makeCertificate(openssl, dir.path, "first");
    const accessLog = `${dir.path}/access.log`;
    await using serving = await startServing(checkoutPath("examples/hello.ts"), {
      workers: 2,
      flags: ["--certfile", certfile, "--keyfile", keyfile, "--access-log", accessLog],
    });
    assertMatch(serving.app, /^https:\/\/127\.0\.0\.1:\d+$/);
    assertStringIncludes(await ask(serving.app, certfile), "Hello");
    for (const version of ["2", "1.1"]) {
      await using program = spawn(curl, [
        ...["-sS", "--cacert", certfile, `--http${version}`, "-o", "/dev/null"],
        ...[
          "-w",
          "%{http_version} %{http_code} %{ssl_verify_result}",
          `${serving.app}/v${version}`,
        ],
      ]);
      await program.status;
      assertEquals([program.stdout, program.stderr], [`${version} 200 0`, ""]);
    }
    const log = await waitFor(async () => {
      const text = await Deno.readTextFile(accessLog);
      return text.includes("/v1.1") && text.includes("/v2") && text;
    });
    assertMatch(log, /"GET \/v2 HTTP\/2\.0" 200 /);
    assertMatch(log, /"GET \/v1\.1 HTTP\/1\.1" 200 /);
  },
);

externalTest(
  "gpe serve gives new workers a renewed certificate, and the former one when that is broken",
  ["openssl"],
  async ({ openssl }) => {
    await using dir = await tempDir();
    const { certfile, keyfile } = await makeCertificate(openssl, dir.path, "server");
    const former = `${dir.path}/former.crt`;
    await Deno.copyFile(certfile, former);
    await using serving = await startServing(checkoutPath("examples/hello.ts"), {
      workers: 1,
      flags: ["--certfile", certfile, "--keyfile", keyfile],
    });
    const replaceWorker = async (): Promise<void> => {
      const [worker] = await childrenOf(serving.gpe.pid);
      const running = (): number => serving.gpe.stderr.split("worker_1 is running").length;
      const before = running();
      Deno.kill(worker!, "SIGKILL");
      await waitFor(() => running() > before);
    };
    assertStringIncludes(await ask(serving.app, former), "Hello");

    await makeCertificate(openssl, dir.path, "server");
    assertStringIncludes(await ask(serving.app, former), "Hello");
    await replaceWorker();
    assertStringIncludes(await ask(serving.app, certfile), "Hello");
    await assertRejects(() => ask(serving.app, former), TypeError);

    const renewed = `${dir.path}/renewed.crt`;
    await Deno.copyFile(certfile, renewed);
    await Deno.writeTextFile(certfile, "half a certifi");
    await replaceWorker();
    assertStringIncludes(await ask(serving.app, renewed), "Hello");
    assertStringIncludes(serving.gpe.stderr, "Cannot take up a new certificate");
  },
);

externalTest(
  "gpe serve --certfile serves a server of node:https with that certificate",
  ["openssl"],
  async ({ openssl }) => {
    await using dir = await tempDir();
    const { certfile, keyfile } = await makeCertificate(openssl, dir.path, "server");
    await Deno.writeTextFile(
      `${dir.path}/app.ts`,
      'import { createServer } from "node:https";\n' +
        'createServer((_, response) => response.end("answered")).listen(3000);\n',
    );
    await using serving = await startServing(`${dir.path}/app.ts`, {
      workers: 1,
      flags: ["--certfile", certfile, "--keyfile", keyfile],
    });
    assertEquals(await ask(serving.app, certfile), "answered");
  },
);

externalTest(
  "gpe serve refuses a certificate that cannot be used",
  ["openssl"],
  async (programs) => {
    await using dir = await tempDir();
    const first = await makeCertificate(programs.openssl, dir.path, "first");
    const second = await makeCertificate(programs.openssl, dir.path, "second");
    const start = async (flags: string[]) =>
      await runGpe(
        serveArguments(checkoutPath("examples/hello.ts"), `${dir.path}/metrics`, { flags }),
      );
    const cases = [
      [first.certfile, second.keyfile, 1, "KeyMismatch"],
      [first.keyfile, first.keyfile, 1, "No certificates found"],
      [first.certfile, `${dir.path}/none`, 1, `Cannot read "${dir.path}/none" (--keyfile)`],
    ] as const;
    for (const [certfile, keyfile, code, message] of cases) {
      const end = await start(["--certfile", certfile, "--keyfile", keyfile]);
      assertEquals(end.code, code, end.stderr);
      assertStringIncludes(end.stderr, message);
    }
    const alone = await start(["--certfile", first.certfile]);
    assertEquals(alone.code, 2);
    assertStringIncludes(alone.stderr, "--certfile and --keyfile belong together");
  },
);
