import { test } from "vitest";

import { engineContract } from "../../../contracts/engine/engine-contract.ts";
import { findNative } from "../../../support/native-engine.ts";

const native = await findNative();

if (native.kind === "none") {
  test("every engine: native, three on one address", (context) => context.skip(native.why));
} else {
  const { create } = native;
  engineContract({ name: "native, three on one address", driver: "native", create, engines: 3 });
}
