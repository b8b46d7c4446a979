import { describe, expect, test } from "vitest";

import { rememberedAgeMsMax } from "#shared/base/limits.ts";
import { backendSchema } from "#shared/definition/backend.ts";

import { readRemembered, rememberedText } from "../../../node-agent/discover/remembered-file.ts";

const owner = { node: "nod_a", balancer: "bal_a" };
const nowMs = Date.UTC(2030, 0, 1);
const backend = backendSchema.parse({
  ...{ host: "fd00::5", port: 80, weight: 3, priority: 2, maxConnections: 9 },
  ...{ sni: "*.example.com", alpn: ["h2"], proxyProtocol: false },
});
const answers = new Map([
  ["k1", { backends: [backend], saidMs: nowMs - 5 }],
  ["k2", { backends: [], saidMs: nowMs - 9 }],
]);
const text = rememberedText(owner, answers, nowMs);

describe("the file of what a balancer's sources named", () => {
  test("reads as what was written, with all attributes and its age", () => {
    expect(readRemembered(text, owner, nowMs + 1_000)).toEqual({
      ...{ ok: true, answers, ageMs: 1_000 },
    });
  });

  test("half a file, another file and an empty one are torn", () => {
    const texts = [
      "",
      "null",
      "[]",
      "{}",
      text.slice(0, -20),
      text.replace('"format":1', '"format":2'),
    ];
    for (const one of texts) {
      expect(readRemembered(one, owner, nowMs)).toMatchObject({ ok: false, why: "torn" });
    }
  });

  test("what no source could have named is not believed: sockets, ports, too much of it", () => {
    const swaps = [
      ['"fd00::5"', '"unix:/run/docker.sock"'],
      ['"port":80', '"port":0'],
      ['"port":80', '"port":"80"'],
      ['"weight":3', '"weight":-1'],
      ['"port":80', '"port":80,"state":"cut"'],
    ] as const;
    for (const [from, to] of swaps) {
      const changed = text.replace(from, to);
      expect(changed).not.toBe(text);
      expect(readRemembered(changed, owner, nowMs)).toMatchObject({ ok: false, why: "torn" });
    }
    const wide = new Map([
      ["k1", { backends: Array.from({ length: 1_001 }, () => backend), saidMs: 1 }],
    ]);
    const tooMany = rememberedText(owner, wide, nowMs);
    expect(readRemembered(tooMany, owner, nowMs)).toMatchObject({ ok: false, why: "torn" });
  });

  test("another node's file, or another balancer's, is not used", () => {
    const foreign = { ok: false, why: "foreign" };
    expect(readRemembered(text, { ...owner, node: "nod_b" }, nowMs)).toMatchObject(foreign);
    expect(readRemembered(text, { ...owner, balancer: "bal_b" }, nowMs)).toMatchObject(foreign);
  });

  test("it is used for so long, and a clock that was set back makes nothing too old", () => {
    const atEnd = nowMs + rememberedAgeMsMax;
    expect(readRemembered(text, owner, atEnd)).toMatchObject({ ok: true });
    expect(readRemembered(text, owner, atEnd + 1)).toMatchObject({ ok: false, why: "too-old" });
    expect(readRemembered(text, owner, nowMs - 1e9)).toMatchObject({ ok: true, ageMs: 0 });
  });
});
