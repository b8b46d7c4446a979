import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { createTestAuthority } from "../support/certificate-authority.ts";
import { bothDrivers } from "../support/drivers.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { testScale } from "../support/scale.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { certificateFolder, startTlsAgent, type TlsAgent } from "../support/tls-agent.ts";

/** What testssl looks at, and something that it tells of each: so that it is known to have looked. */
const quick = {
  "--protocols": { SSLv2: "not offered", TLS1: "not offered", TLS1_2: "offered" },
  "--fs": { PFS: "offered" },
  "--server-preference": { cipher_order: "server" },
};
const patient = {
  ...quick,
  "--standard": { cipherlist_NULL: "not offered", cipherlist_STRONG: "offered" },
  "--server-defaults": { TLS_session_ticket: "valid for 7200 seconds only (<daily)" },
  "--vulnerable": {
    heartbleed: "not vulnerable, no heartbeat extension",
    BEAST: expect.anything(),
  },
};
const sections: Readonly<Record<string, object>> = testScale() < 1 ? quick : patient;

/** Of the certificate's trust, which is the tenant's: `cert_trust`, `cert_revocation` and such. */
const aboutTrust = /^cert_/;
/**
 * What it says of itself on this host. To try a ticket, it has a client that leaves after its handshake:
 * one that leaves before the ticket of TLS 1.3 comes has none to try. `openssl.test.ts` waits for it.
 */
const aboutItself = new Set(["engine_problem", "sessionresumption_ticket"]);
/** Its own errors; below are the checks that it could not do, each of which is among the findings. */
const errorCodeMin = 242;
const harmless = new Set(["OK", "INFO", "LOW"]);

const findingsSchema = z.array(
  z.object({ id: z.string(), severity: z.string(), finding: z.string() }),
);

const cleanup = suiteCleanup();
const noTestssl = (await findProgram("testssl")) === undefined ? "no testssl" : undefined;
const drivers = (await bothDrivers()).map(({ driver, missing }) => {
  return { driver, missing: missing ?? noTestssl };
});

describe.for(drivers)("testssl.sh, with the $driver engine", ({ driver, missing }) => {
  let agent: TlsAgent;
  beforeAll(async () => {
    if (missing !== undefined) return;
    const folder = await certificateFolder(cleanup, await createTestAuthority());
    const names = ["localhost", "127.0.0.1"];
    const certificates = [await folder.issue({ names }), await folder.issue({ names, key: "rsa" })];
    const answer = greet("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    const backend = await startBackend(answer, { cleanup });
    const balancers = { usual: { certificates, sessionTickets: true } };
    agent = await startTlsAgent(cleanup, { driver, folder, backend: backend.port, balancers });
  });

  test(
    "finds nothing of MEDIUM or worse in what is usual, but about whom the certificate comes from",
    { timeout: 600_000 },
    async ({ skip, annotate }) => {
      if (missing !== undefined) return skip(missing);
      const file = join(await temporaryFolder(onTestFinished), "findings.json");
      const usual = ["--quiet", "--warnings", "off", "--nodns", "none", "--jsonfile", file];
      const target = `127.0.0.1:${agent.portOf("usual")}`;
      const startedMs = performance.now();
      const end = await runCommand(["testssl", ...usual, ...Object.keys(sections), target]);
      expect(end.code, end.stdout + end.stderr).toBeLessThan(errorCodeMin);
      const findings = findingsSchema.parse(JSON.parse(await readFile(file, "utf8")));
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      await annotate(`${findings.length} findings in ${seconds} s`, "measured");

      const told = Object.fromEntries(findings.map(({ id, finding }) => [id, finding]));
      expect(told).toMatchObject(Object.assign({}, ...Object.values(sections)));
      const bad = findings.filter(
        ({ id, severity }) =>
          !harmless.has(severity) && !aboutTrust.test(id) && !aboutItself.has(id),
      );
      expect(bad).toEqual([]);
      expect(agent.process.isRunning).toBe(true);
    },
  );
});
