import { expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { scaled, testScale } from "./scale.ts";
import { throughout } from "./throughout.ts";

test("eventually returns what the check returns once it holds", async () => {
  let tries = 0;
  const value = await eventually(() => {
    tries += 1;
    if (tries < 3) throw new Error("not yet");
    return tries;
  });
  expect(value).toBe(3);
});

test("eventually takes false for not yet, and gives up with the last reason", async () => {
  await expect(eventually(() => false, { withinMs: 20 })).rejects.toThrow("still false");
  const never = (): Promise<never> => Promise.reject(new Error("port closed"));
  await expect(eventually(never, { withinMs: 20 })).rejects.toThrow(
    "not within 20 ms: port closed",
  );
});

test("throughout fails at the first look that does not hold", async () => {
  let looks = 0;
  const check = (): void => {
    looks += 1;
    if (looks === 3) throw new Error("something arrived");
  };
  await expect(throughout(check, { forMs: 10_000, everyMs: 1 })).rejects.toThrow(
    "something arrived",
  );
  expect(looks).toBe(3);
});

test("a long suite's sizes follow the scale, down to what still makes sense", () => {
  expect(scaled(10, 10)).toBeGreaterThanOrEqual(10);
  expect(scaled(1_000)).toBe(Math.round(1_000 * testScale()));
});
