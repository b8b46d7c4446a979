import type { Driver } from "../../../node-agent/engine/engine.ts";
import { startPlane, type Given, type PlaneUnderTest } from "../../support/data-plane.ts";
import { engineOf } from "../../support/drivers.ts";
import { startUdpBackend, type UdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient, type UdpClient } from "../../support/udp-client.ts";

export const idle = { clientIdleTimeout: "60s" } as const;
/** What every balancer of these tests has. */
export const udp = { protocol: "udp", limits: idle } as const satisfies Given;

/** A data plane whose workers relay datagrams by this driver. */
export async function udpPlane(driver: Driver, workers: number): Promise<PlaneUnderTest> {
  return startPlane({ workers, engine: await engineOf(driver) });
}

/** A backend that answers with its own name. */
export async function named(): Promise<UdpBackend & { readonly name: string }> {
  let name = "";
  const backend = await startUdpBackend(() => name);
  name = `127.0.0.1:${backend.port}`;
  return { ...backend, name };
}

/** So many clients, each at a port of its own. */
export async function clients(port: number, count: number): Promise<readonly UdpClient[]> {
  return Promise.all(Array.from({ length: count }, () => openUdpClient({ port })));
}
