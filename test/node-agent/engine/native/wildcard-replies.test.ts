import { expect, test } from "vitest";

import { startDatagrams } from "../../../contracts/engine/datagram-rig.ts";
import { findNative } from "../../../support/native-engine.ts";
import { startUdpBackend } from "../../../support/udp-backend.ts";
import { openUdpClient } from "../../../support/udp-client.ts";

const native = await findNative();

const wildcards = [
  { host: "0.0.0.0", asked: ["127.0.0.1", "127.0.0.2", "127.3.4.5"], from: "127.0.0.1" },
  { host: "::", asked: ["127.0.0.1", "127.0.0.2"], from: "127.0.0.1" },
  { host: "::", asked: ["::1"], from: "::1" },
];

test.for(wildcards)(
  "X-UDP-25 bound to $host, a reply comes from the address that was asked: $asked",
  async ({ host, asked, from }, { skip }) => {
    if (native.kind === "none") return skip(native.why);
    const { create } = native;
    const backend = await startUdpBackend((bytes) => bytes);
    const subject = { name: "native", driver: "native", create, engines: 1 } as const;
    const rig = await startDatagrams(subject, backend, { host });
    // One client address: what it asked is part of who it is.
    let port = 0;
    for (const address of asked) {
      const client = await openUdpClient({ host: address, port: rig.port }, { host: from, port });
      ({ port } = client);
      expect(await client.ask(`to ${address}`)).toBe(`to ${address}`);
      expect(await client.ask("again")).toBe("again");
      expect(client.received.map((one) => one.from.address)).toEqual([address, address]);
      client.close();
    }

    const arrived = rig.ofKind("arrived");
    expect(arrived.map(({ peer }) => peer)).toEqual(
      asked.map((localAddress) => ({ address: from, port, localAddress, localPort: rig.port })),
    );
    expect(new Set(backend.senders).size).toBe(asked.length);
  },
);
