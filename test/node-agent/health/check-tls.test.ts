import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemFileCheckMs } from "#shared/base/limits.ts";

import { FakeClock } from "../../support/fake-clock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { otherTestCertificate, testCertificate } from "../../support/test-certificates.ts";
import { testProbe, verdictOf } from "../../support/test-probes.ts";
import { startTlsBackend, type TlsBackend } from "../../support/tls-backend.ts";

const probe = { kind: "probe", protocol: "tls", send: "x", recv: "ok" } as const;
const http = { kind: "http", scheme: "https" } as const;
const rootCa = { pem: testCertificate.cert };

/** Speaks both: answers HTTP with HTTP, and anything else with `ok`. */
function both(): Promise<TlsBackend> {
  return startTlsBackend((socket) => {
    socket.on("data", (data: Buffer) => {
      const isHttp = data.toString("latin1").startsWith("GET ");
      socket.write(isHttp ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" : "ok");
    });
  });
}

describe.each([
  ["probe", probe],
  ["http", http],
] as const)("X-HC-27 TLS of a %s check", (_, check) => {
  test("its own authority is trusted, and no other", async () => {
    const backend = await both();
    expect(await verdictOf({ ...check, tls: { rootCa } }, backend)).toBe("passed");
    const other = { rootCa: { pem: otherTestCertificate.cert } };
    expect(await verdictOf({ ...check, tls: other }, backend)).toMatch(/^failed: /);
    expect(await verdictOf(check, backend)).toBe("failed: DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  test("the name is sent and verified", async () => {
    const backend = await both();
    const named = { rootCa, serverName: "localhost" };
    expect(await verdictOf({ ...check, tls: named }, backend)).toBe("passed");
    const wrong = { rootCa, serverName: "www.example.com" };
    expect(await verdictOf({ ...check, tls: wrong }, backend)).toBe(
      "failed: ERR_TLS_CERT_ALTNAME_INVALID",
    );
    expect(backend.names).toEqual(["localhost", "www.example.com"]);
  });

  test("verification can be left out", async () => {
    const tls = { ignoreVerify: true, serverName: "www.example.com" };
    expect(await verdictOf({ ...check, tls }, await both())).toBe("passed");
  });
});

test("an authority in a file is followed; while there is none the check says nothing", async () => {
  const file = join(await temporaryFolder(onTestFinished), "ca.pem");
  const clock = new FakeClock();
  const backend = await both();
  const check = testProbe({ ...probe, tls: { rootCa: { file } } }, { clock });
  const verdict = async (): Promise<string> => {
    clock.advance(systemFileCheckMs);
    const result = await check(backend, new AbortController().signal);
    return result.verdict === "passed" ? "passed" : `${result.verdict}: ${result.detail}`;
  };
  expect(await verdict()).toBe("none: authority-unreadable");
  await writeFile(file, testCertificate.cert);
  expect(await verdict()).toBe("passed");
  await writeFile(file, "no certificate");
  expect(await verdict()).toBe("none: authority-unreadable");
});
