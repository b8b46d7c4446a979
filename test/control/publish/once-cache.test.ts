import { expect, test } from "vitest";

import { OnceCache } from "../../../control/publish/once-cache.ts";

test("a value is made once however many ask for it at the same time", async () => {
  const cache = new OnceCache<number>({ weightMax: 10 });
  let made = 0;
  const make = async (): Promise<number> => {
    made += 1;
    await Promise.resolve();
    return 7;
  };
  const all = await Promise.all(Array.from({ length: 20 }, () => cache.getOrMake("a", make)));
  expect(new Set(all)).toEqual(new Set([7]));
  expect(made).toBe(1);
  expect(await cache.getOrMake("a", make)).toBe(7);
  expect(made).toBe(1);
});

test("a making that fails or finds nothing is tried again", async () => {
  const cache = new OnceCache<number>({ weightMax: 10 });
  const failing = cache.getOrMake("a", () => Promise.reject(new Error("away")));
  await expect(failing).rejects.toThrow("away");
  expect(await cache.getOrMake("a", () => Promise.resolve(undefined))).toBeUndefined();
  expect(await cache.getOrMake("a", () => Promise.resolve(3))).toBe(3);
});

test("what was not used for the longest time goes when it weighs too much", () => {
  const cache = new OnceCache<string>({ weightMax: 6, weightOf: (text) => text.length });
  cache.set("a", "aa");
  cache.set("b", "bb");
  cache.set("c", "cc");
  expect(cache.get("a")).toBe("aa");
  cache.set("d", "dd");
  expect([cache.get("a"), cache.get("b"), cache.get("c"), cache.get("d")]).toEqual([
    "aa",
    undefined,
    "cc",
    "dd",
  ]);
  cache.set("huge", "x".repeat(7));
  expect(cache.get("huge")).toBeUndefined();
  expect(cache.get("a"), "and drives nothing else out").toBe("aa");
  cache.set("a", "aaaa");
  expect(cache.get("c")).toBeUndefined();
});
