import type { Driver } from "../../node-agent/engine/engine.ts";
import { capabilitiesOf } from "../../node-agent/flow/capabilities.ts";
import { bothDrivers } from "./drivers.ts";

/** The drivers of this host that carry UDP. */
export async function udpDrivers(): Promise<readonly Driver[]> {
  const drivers = await bothDrivers();
  return drivers
    .filter(({ driver, missing }) => missing === undefined && carriesUdp(driver))
    .map(({ driver }) => driver);
}

function carriesUdp(driver: Driver): boolean {
  return capabilitiesOf(driver, { keepsCertificates: false }).has("protocol:udp");
}
