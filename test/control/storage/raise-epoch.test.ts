import { expect, onTestFinished, test } from "vitest";

import { controlState, raiseEpoch } from "../../../control/storage/queries/control-state.ts";
import { testDatabase } from "../../support/postgres.ts";

async function freshDatabase() {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  return db;
}

test("a raised epoch is above every one before, on whichever copy of the database", async () => {
  const [one, copy] = [await freshDatabase(), await freshDatabase()];
  const first = await one.database.asSystem(raiseEpoch);
  expect(first.before).toBe(1);
  expect(first.after).toBeGreaterThanOrEqual(Math.floor(Date.now() / 60_000) - 1);
  const second = await one.database.asSystem(raiseEpoch);
  expect(second.before).toBe(first.after);
  expect(second.after).toBeGreaterThan(first.after);
  expect(await one.database.asSystem(controlState)).toMatchObject({ epoch: second.after });
  // A copy that never heard of the first: the time alone makes it as high.
  const onCopy = await copy.database.asSystem(raiseEpoch);
  expect(onCopy.before).toBe(1);
  expect(onCopy.after).toBeGreaterThanOrEqual(first.after);
});

test("of several that raise it at the same time each begins a lineage of its own", async () => {
  const db = await freshDatabase();
  const raised = await Promise.all(
    Array.from({ length: 5 }, () => db.database.asSystem(raiseEpoch)),
  );
  expect(new Set(raised.map(({ after }) => after)).size).toBe(5);
});
