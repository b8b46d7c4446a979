import { describe, test } from "vitest";

import { engineMaker } from "../../../node-agent/engine/choose-engine.ts";
import { realClockCases } from "../../contracts/engine/real-clock-cases.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";

for (const { driver, missing } of await bothDrivers()) {
  if (missing !== undefined) {
    test(`every engine: ${driver}`, (context) => context.skip(missing));
    continue;
  }
  const create = engineMaker(await engineOf(driver));
  for (const engines of [1, 3]) {
    const name = `${driver}, ${engines} on one address`;
    describe(`every engine: ${name}`, () => realClockCases({ name, driver, create, engines }));
  }
}
