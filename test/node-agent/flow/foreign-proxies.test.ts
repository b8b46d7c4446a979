import { describe, expect, test } from "vitest";

import { openClientFrom } from "../../support/client-from.ts";
import { serve, startPlane, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { missingProxy, startForeignProxy } from "../../support/foreign-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { startRecording } from "../../support/recording-backend.ts";

const lacks = { haproxy: await missingProxy("haproxy"), nginx: await missingProxy("nginx") };
const versions = ["1", "2"] as const;
const request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/** Asks for a page as this client, and returns the last line of the answer. */
async function pageFor(address: string, port: number): Promise<{ port: number; page: string }> {
  const client = await openClientFrom(address, port);
  const { localPort = 0 } = client.socket;
  client.send(request);
  await client.isOver();
  client.socket.destroy();
  return { port: localPort, page: client.text().trimEnd().split("\r\n").at(-1) ?? "" };
}

describe.for(await bothDrivers())("other people's proxies, $driver engine", (subject) => {
  const { driver, missing } = subject;
  const plane = async (): Promise<PlaneUnderTest> =>
    startPlane({ engine: await engineOf(driver), workers: 2 });

  test.for(versions)(
    "F-PRX-01 X-PRX-04 HAProxy takes our version %s",
    async (version, { skip }) => {
      const lacking = missing ?? lacks.haproxy;
      if (lacking !== undefined) return skip(lacking);
      const port = await freePort();
      await startForeignProxy(
        "haproxy",
        `frontend told
  mode http
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
`,
        port,
      );
      const backends = [{ host: "127.0.0.1", port }];
      const web = await serve(await plane(), { backends, proxyProtocol: { version } });
      const told = await pageFor("127.0.0.9", web.port);
      expect(told.page).toBe(`127.0.0.9 ${told.port} 127.0.0.1 ${web.port}`);
    },
  );

  test.for(versions)("F-PRX-01 X-PRX-04 nginx takes our version %s", async (version, { skip }) => {
    const lacking = missing ?? lacks.nginx;
    if (lacking !== undefined) return skip(lacking);
    const port = await freePort();
    const variables = ["addr", "port", "server_addr", "server_port"];
    const text = variables.map((name) => `$proxy_protocol_${name}`).join(" ");
    await startForeignProxy(
      "nginx",
      `http { access_log off; server { listen 127.0.0.1:${port} proxy_protocol; return 200 "${text}"; } }`,
      port,
    );
    const backends = [{ host: "127.0.0.1", port }];
    const web = await serve(await plane(), { backends, proxyProtocol: { version } });
    const told = await pageFor("127.0.0.9", web.port);
    expect(told.page).toBe(`127.0.0.9 ${told.port} 127.0.0.1 ${web.port}`);
  });

  test.for([
    ["version 1", "send-proxy"],
    ["version 2", "send-proxy-v2"],
    ["version 2 with a checksum", "send-proxy-v2 proxy-v2-options crc32c,unique-id"],
  ] as const)(
    "X-PRX-08 HAProxy's %s is read, and its checks reach no backend",
    async ([, option], { skip }) => {
      const lacking = missing ?? lacks.haproxy;
      if (lacking !== undefined) return skip(lacking);
      const recording = await startRecording();
      const web = await serve(await plane(), {
        backends: [recording.backend],
        inboundProxyProtocol: { from: ["127.0.0.1"] },
        proxyProtocol: { version: "1" },
        access: { default: "deny", rules: ["allow 127.0.0.9", "deny 127.0.0.1"] },
      });
      const port = await freePort();
      await startForeignProxy(
        "haproxy",
        `listen front
  mode tcp
  unique-id-format %rt
  bind 127.0.0.1:${port}
  server midstream 127.0.0.1:${web.port} ${option} check inter 50ms
`,
        port,
      );
      // Its own checks come from its own address, which the access list denies.
      expect(recording.clients).toHaveLength(0);
      const client = await openClientFrom("127.0.0.9", port);
      const { localPort } = client.socket;
      client.send("data");
      client.finish();
      await client.isOver();
      expect(client.text()).toBe("got");
      expect(recording.clients.map(String)).toEqual([
        `PROXY TCP4 127.0.0.9 127.0.0.1 ${localPort} ${port}\r\ndata`,
      ]);
    },
  );

  test("X-PRX-08 nginx's header is read", async ({ skip }) => {
    const lacking = missing ?? lacks.nginx;
    if (lacking !== undefined) return skip(lacking);
    const recording = await startRecording();
    const web = await serve(await plane(), {
      backends: [recording.backend],
      inboundProxyProtocol: { from: ["127.0.0.1"] },
      proxyProtocol: { version: "1" },
    });
    const port = await freePort();
    const server = `listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${web.port}; proxy_protocol on;`;
    await startForeignProxy("nginx", `stream { server { ${server} } }`, port);
    const client = await openClientFrom("127.0.0.9", port);
    client.send("data");
    const expected = new RegExp(
      `^PROXY TCP4 127\\.0\\.0\\.9 127\\.0\\.0\\.1 \\d+ ${port}\r\ndata$`,
    );
    await eventually(() => recording.clients.some((bytes) => expected.test(String(bytes))));
  });
});
