import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { serve, startPlane, verified, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { missingProxy, startForeignProxy, type ForeignProxy } from "../../support/foreign-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { openClient, type TestClient } from "../../support/test-client.ts";

const lacks = { haproxy: await missingProxy("haproxy"), nginx: await missingProxy("nginx") };
const request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const receivers = [
  ["haproxy", "1"],
  ["haproxy", "2"],
  ["nginx", "1"],
  ["nginx", "2"],
] as const;

/** One that expects a header and answers with the client's address; returns it as a backend. */
async function startReceiver(proxy: ForeignProxy): Promise<{ host: string; port: number }> {
  const port = await freePort();
  const sections = {
    haproxy: `frontend told
  mode http
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]"
`,
    nginx: `http { access_log off; server { listen 127.0.0.1:${port} proxy_protocol;
  set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol; return 200 "$remote_addr"; } }`,
  };
  await startForeignProxy(proxy, sections[proxy], port);
  return { host: "127.0.0.1", port };
}

async function pageOf(client: TestClient, prefix = ""): Promise<string> {
  client.send(`${prefix}${request}`);
  await client.isOver();
  client.socket.destroy();
  return client.text();
}

/** Answered, and with the balancer's own address, because no other was told. */
const ownAddress = /^HTTP\/1\.1 200 [^]*\r\n\r\n127\.0\.0\.1$/;

describe.for(await bothDrivers())(
  "clients without an address to tell, $driver engine",
  (subject) => {
    const { driver, missing } = subject;
    const plane = async (): Promise<PlaneUnderTest> =>
      startPlane({ engine: await engineOf(driver), workers: 2 });

    test.for(receivers)(
      "X-PRX-04 %s takes our version %s for a client of a Unix socket",
      async ([proxy, version], { skip }) => {
        const lacking = missing ?? lacks[proxy];
        if (lacking !== undefined) return skip(lacking);
        const backends = [await startReceiver(proxy)];
        const path = join(await temporaryFolder(onTestFinished), "front.sock");
        const given = { bind: [`unix:${path}`], backends, proxyProtocol: { version } };
        const started = await (await plane()).plane.start(verified(given));
        expect(started).toMatchObject({ ok: true });
        expect(await pageOf(await openClient({ path }))).toMatch(ownAddress);
      },
    );

    test.for(receivers)(
      "X-PRX-04 %s takes our version %s for a client whose ends are of different families",
      async ([proxy, version], { skip }) => {
        const lacking = missing ?? lacks[proxy];
        if (lacking !== undefined) return skip(lacking);
        const web = await serve(await plane(), {
          backends: [await startReceiver(proxy)],
          proxyProtocol: { version },
          inboundProxyProtocol: { from: ["127.0.0.1"] },
        });
        const announced = "PROXY TCP6 ::ffff:1.2.3.4 2001:db8::1 11 22\r\n";
        expect(await pageOf(await openClient(web.port), announced)).toMatch(ownAddress);
      },
    );
  },
);
