import { describe, expect, test } from "vitest";

import { createTestAuthority } from "../../support/certificate-authority.ts";
import { filesOf, terminating } from "../../support/certificate-files.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { openTlsClient } from "../../support/tls-client.ts";

const authority = await createTestAuthority();

describe.for(await bothDrivers())("sessions with the $driver engine", ({ driver, missing }) => {
  test("F-TLS-09 a session is resumed through edits of something else, of both versions, and not once other clients are asked for", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await startPlane({ engine: await engineOf(driver), workers: 2 });
    const backend = await startBackend(greet("hello"));
    const files = await filesOf(await authority.issue({ names: ["a.test"] }));
    const tls = { ...terminating([files]).tls, sessionTickets: true };
    const given = {
      protocol: "tls" as const,
      tls,
      backends: [{ ...backendOf(backend), weight: 1 }],
    };
    const web = await serve(under, given);
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const client = (session?: Buffer) =>
        openTlsClient(web.port, {
          ...{ servername: "a.test", minVersion: version, maxVersion: version },
          ...(session && { session }),
        });
      const first = await client();
      await first.isOver();
      const session = await first.session();
      for (let weight = 2; weight < 6; weight += 1) {
        const backends = [{ ...backendOf(backend), weight }];
        expect(await web.update({ ...given, backends })).toMatchObject({ ok: true });
        const again = await client(session);
        await again.isOver();
        expect([again.tls.isSessionReused(), again.text()]).toEqual([true, "hello"]);
      }
      const asks = { ...tls, clientAuth: { mode: "request" as const } };
      expect(await web.update({ ...given, tls: asks })).toMatchObject({ ok: true });
      const stranger = await client(session);
      await stranger.isOver();
      expect([stranger.tls.isSessionReused(), stranger.text()]).toEqual([false, "hello"]);
      expect(await web.update(given)).toMatchObject({ ok: true });
    }
  });
});

function backendOf({ host, port }: { readonly host: string; readonly port: number }) {
  return { host, port };
}
