import { describe, expect, test } from "vitest";

import type { BackendEntry } from "../../../node-agent/pool/backend-table.ts";
import { usableEntries } from "../../../node-agent/pool/usable-entries.ts";
import { backendOf } from "../../support/pool.ts";

/** One letter a backend: `l`ive, `d`ead, `e`jected, `g`one (live, not discovered), `o`ff by its manager. */
function entries(letters: string): readonly BackendEntry[] {
  return Array.from(letters, (letter, index) => ({
    name: `${letter}${index}`,
    backend: {
      ...backendOf(`${letter}:${index + 1}`),
      state: letter === "o" ? ("disabled" as const) : ("enabled" as const),
    },
    slot: { index, generation: 0 },
    isLive: letter !== "d",
    liveSinceMs: 0,
    isEjected: letter === "e",
    isDiscovered: letter !== "g",
  }));
}

function usable(letters: string, panicBelowPercent = 0): string {
  const { entries: used, isPanic } = usableEntries(entries(letters), panicBelowPercent);
  return `${used.map(({ name }) => name[0]).join("")}${isPanic ? "!" : ""}`;
}

describe("which backends can be elected", () => {
  test("those that are live and discovered", () => {
    expect(usable("lldg")).toBe("ll");
    expect(usable("dd")).toBe("");
    expect(usable("")).toBe("");
  });

  test("X-DSC-11 one that is disabled never is, and does not count for panic", () => {
    expect(usable("lo")).toBe("l");
    expect(usable("oo")).toBe("");
    expect(usable("looo", 50)).toBe("l");
    expect(usable("ldddo", 50)).toBe("lddd!");
  });

  test("X-HC-31 all that are discovered when a smaller share than asked for is live", () => {
    expect(usable("lldd", 50)).toBe("ll");
    expect(usable("lddd", 50)).toBe("lddd!");
    expect(usable("ddg", 1)).toBe("dd!");
    expect(usable("ldd", 100)).toBe("ldd!");
    expect(usable("lll", 100)).toBe("lll");
    expect(usable("", 100)).toBe("");
  });

  test("X-TCP-21 those left out come back when there would be nobody else", () => {
    expect(usable("lede")).toBe("l");
    expect(usable("ede")).toBe("ee");
    expect(usable("eddd", 50)).toBe("ddd!");
  });
});
