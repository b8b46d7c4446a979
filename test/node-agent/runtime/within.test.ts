import { expect, test } from "vitest";

import { within } from "../../../node-agent/runtime/within.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("the result in time, the substitute when it is late, and no timer left behind", async () => {
  const clock = new FakeClock();
  const bound = { ms: 100, otherwise: "late" };
  expect(await within(clock, Promise.resolve("done"), bound)).toBe("done");
  await expect(within(clock, Promise.reject(new Error("no")), bound)).rejects.toThrow("no");

  const never = within(clock, new Promise<string>(() => undefined), bound);
  clock.advance(100);
  expect(await never).toBe("late");
  expect(clock.timers).toBe(0);
});
