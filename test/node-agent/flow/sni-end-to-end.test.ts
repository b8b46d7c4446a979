import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { serve, startPlane } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { issuedCertificate, type IssuedCertificate } from "../../support/issued-certificate.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const [curl, openssl] = [await findProgram("curl"), await findProgram("openssl")];
const lacking =
  curl === undefined || openssl === undefined ? "curl or openssl is not installed" : undefined;

interface Server {
  readonly host: string;
  readonly port: number;
}

/** OpenSSL's own server with one certificate, until the end of the test. */
async function startServer(
  folder: string,
  { name, cert, key }: IssuedCertificate,
): Promise<Server> {
  const port = await freePort();
  const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
  const options = ["-accept", `127.0.0.1:${port}`, "-cert", certFile, "-key", keyFile, "-www"];
  const child = spawn(openssl ?? "", ["s_server", ...options], { stdio: "ignore" });
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  await eventually(() => accepts(port));
  return { host: "127.0.0.1", port };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const outcome = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  });
  socket.destroy();
  return outcome;
}

describe.for(await bothDrivers())("passing TLS through, $driver engine", ({ driver, missing }) => {
  test("F-SNI-07 curl reaches each name's own server and checks its certificate, with every version of TLS", async ({
    skip,
  }) => {
    const why = missing ?? lacking;
    if (why !== undefined) return skip(why);
    const folder = await temporaryFolder(onTestFinished);
    const root = await issuedCertificate({ name: "Root", isAuthority: true });
    const authority = join(folder, "root.crt");
    await writeFile(authority, root.cert);
    const names = ["a.example.test", "b.example.test"];
    const backends = await Promise.all(
      names.map(async (name) => ({
        ...(await startServer(folder, await issuedCertificate({ name, issuer: root }))),
        sni: name,
      })),
    );
    const under = await startPlane({ engine: await engineOf(driver), workers: 2 });
    const sni = { unexpectedHostnameStrategy: "reject" } as const;
    const web = await serve(under, { backends, sni });

    const fetched = async (name: string, ...options: readonly string[]): Promise<number | null> => {
      const resolve = ["--resolve", `${name}:${web.port}:127.0.0.1`];
      const url = `https://${name}:${web.port}/`;
      const quiet = ["--silent", "--show-error", "--output", "/dev/null", "--max-time", "20"];
      const { code } = await runCommand([
        curl ?? "",
        "--cacert",
        authority,
        ...quiet,
        ...resolve,
        ...options,
        url,
      ]);
      return code;
    };
    for (const name of names) {
      expect(await fetched(name)).toBe(0);
      expect(await fetched(name, "--tls-max", "1.2")).toBe(0);
      expect(await fetched(name, "--tlsv1.3", "--http1.1")).toBe(0);
      expect(await fetched(name, "--curves", "P-521:P-384")).toBe(0);
    }
    // 35: the handshake did not come about. Nobody has that name.
    expect(await fetched("c.example.test")).toBe(35);
    await eventually(() => under.ofKind("clients.turned-away").length > 0);
    expect(under.ofKind("clients.turned-away")[0]).toMatchObject({ reason: "name-refused" });
  });
});
