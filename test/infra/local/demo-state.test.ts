import { statSync, writeFileSync } from "node:fs";

import { expect, onTestFinished, test } from "vitest";

import { demoStatePath, readDemoState, writeDemoState } from "../../../infra/local/demo-state.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const state = {
  tenant: { id: "ten_1", name: "demo" },
  key: "secret",
  balancer: "bal_1",
  backendPorts: [4001, 4002] as [number, number],
};

test("the state comes back as it was kept, and only its owner can read the key", async () => {
  const folder = await temporaryFolder(onTestFinished);
  writeFileSync(demoStatePath(folder), "", { mode: 0o644 });
  writeDemoState(folder, state);
  expect(readDemoState(folder)).toEqual(state);
  expect(statSync(demoStatePath(folder)).mode & 0o777).toBe(0o600);
});

test("no state means a first start; a broken one says what to do", async () => {
  const folder = await temporaryFolder(onTestFinished);
  expect(readDemoState(folder)).toBeUndefined();
  writeFileSync(demoStatePath(folder), "{");
  expect(() => readDemoState(folder)).toThrow(/Move it away .* --data DIR/);
});
