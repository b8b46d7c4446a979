import { readFile, rename, writeFile } from "node:fs/promises";

import { expect, onTestFinished, test } from "vitest";

import { createTestAuthority } from "../../support/certificate-authority.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { certificateFolder, startTlsAgent } from "../../support/tls-agent.ts";
import { openTlsClient } from "../../support/tls-client.ts";

/** What the agent's status page has of the certificates of its first balancer. */
interface Shown {
  readonly balancers: readonly {
    readonly certificates: {
      readonly problems: readonly { readonly pointer: string; readonly detail: string }[];
      readonly ends: readonly { readonly pointer: string; readonly notAfterMs: number }[];
    };
  }[];
}

test("a certificate that ends soon, and a renewal that cannot be used, are in the agent's status, and the control plane hears of both", async () => {
  const authority = await createTestAuthority();
  const folder = await certificateFolder(onTestFinished, authority);
  const backend = await startBackend(echo);
  const certificate = await folder.issue({ names: ["a.test"], validDays: [-9, 6] });
  const agent = await startTlsAgent(onTestFinished, {
    driver: "portable",
    folder,
    backend: backend.port,
    balancers: { a: { certificates: [certificate] } },
  });
  const link = await agent.control.link(1);
  const heard = (kind: string): readonly unknown[] =>
    link.frames
      .flatMap((frame) => (frame.t === "ev" ? frame.events : []))
      .filter((event) => event.kind === kind);
  const shown = async () => {
    // Guarantee: the agent's own answer, whose form the assertions look at.
    const answer = (await (await fetch(`${agent.adminUrl}/status.json`)).json()) as Shown;
    return answer.balancers[0]?.certificates;
  };
  const pointer = "/tls/certificates/0";

  await eventually(() => expect(heard("certificates.expiring")).toHaveLength(1));
  expect(heard("certificates.expiring")).toMatchObject([
    { balancer: "bal_a", detail: expect.stringMatching(/^\/tls\/certificates\/0 .*than 7 days$/) },
  ]);
  expect(await shown()).toMatchObject({ problems: [], ends: [{ pointer }] });

  const { keyPath } = certificate.files;
  const own = await readFile(keyPath, "utf8");
  const { key } = await authority.issue({ names: ["a.test"] });
  await replaceFile(keyPath, key);
  await eventually(() => expect(heard("certificates.failed")).toHaveLength(1));
  const detail = "the key is not the certificate's";
  expect(heard("certificates.failed")).toMatchObject([
    { balancer: "bal_a", detail: `${pointer}: ${detail}` },
  ]);
  expect(await shown()).toMatchObject({ problems: [{ pointer, detail }], ends: [{ pointer }] });
  expect(heard("certificates.expiring")).toHaveLength(1);

  await replaceFile(keyPath, own);
  await eventually(() => expect(heard("certificates.recovered")).toHaveLength(1));
  expect((await shown())?.problems).toEqual([]);
});

test("an agent that comes back serves with a file that is over by now, and tells", async () => {
  const authority = await createTestAuthority();
  const folder = await certificateFolder(onTestFinished, authority);
  const backend = await startBackend(greet("hello"));
  const certificate = await folder.issue({ names: ["a.test"], validDays: [-9, -2] });
  const agent = await startTlsAgent(onTestFinished, {
    driver: "portable",
    folder,
    backend: backend.port,
    balancers: { a: { certificates: [certificate] } },
  });
  const client = await openTlsClient(agent.portOf("a"), { servername: "a.test" });
  await eventually(() => client.text() === "hello");

  const link = await agent.control.link(1);
  await eventually(() =>
    expect(link.frames.flatMap((frame) => (frame.t === "ev" ? frame.events : []))).toMatchObject([
      { kind: "certificates.expiring", detail: expect.stringContaining("was valid until") },
    ]),
  );
});

/** At once, as whoever renews certificates does: half a key would be another problem. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.next`, text);
  await rename(`${path}.next`, path);
}
