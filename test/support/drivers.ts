import type { EngineChoice } from "../../node-agent/engine/choose-engine.ts";
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

/** The engine of a driver that this host has. */
export async function engineOf(driver: Driver): Promise<EngineChoice> {
  if (driver === "portable") return { driver };
  const native = await findNative();
  if (native.kind === "none") throw new Error(`no native engine: ${native.why}`);
  return { driver, file: native.file };
}
