import type { Driver } from "../../node-agent/engine/engine.ts";
import { findNative } from "./native-engine.ts";

/** A driver that a suite runs with; `missing` says why this host cannot. */
export interface DriverUnderTest {
  readonly driver: Driver;
  readonly missing: string | undefined;
}

/** Both drivers, for `test.for`. */
export async function bothDrivers(): Promise<readonly DriverUnderTest[]> {
  const native = await findNative();
  return [
    { driver: "portable", missing: undefined },
    { driver: "native", missing: native.kind === "none" ? native.why : undefined },
  ];
}
