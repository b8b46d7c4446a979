import { describe, expect, test } from "vitest";

import {
  framePartsMsMax,
  linkSilenceMsMax,
  linkStableMs,
  reconnectFirstMs,
  reconnectMsMax,
  refusedRetryMs,
  retryAfterMsMax,
  welcomeMsMax,
} from "#shared/base/limits.ts";
import { encodeFrame } from "#shared/wire/codec.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import { linkDueMs } from "../../../node-agent/control-link/link-machine.ts";
import { deltaOf, kinds, MachineDriver, refOf, sent, versionOf } from "./machine-driver.ts";

const v1 = versionOf(1);

describe("link machine: coming up", () => {
  test("it connects at once, says what it has, and takes its timers from the welcome", () => {
    const link = new MachineDriver({ running: v1 });
    expect(kinds(link.start())).toEqual(["connect"]);
    expect(link.event({ kind: "opened" })).toEqual([{ kind: "hello", have: v1 }]);
    expect(kinds(link.frame(link.welcome(v1)))).toEqual(["welcomed"]);
    expect(kinds(link.wake())).toEqual(["heartbeat"]);
    expect(link.nowMs).toBe(1_000 + 20_000);
  });

  test.each([
    [0, 16_000],
    [0.999_999, 24_000],
  ])("heartbeats keep their distance within 20 %% (luck %d)", (luck, distanceMs) => {
    const link = new MachineDriver({ luck });
    link.open();
    link.wake();
    expect(link.nowMs).toBe(1_000 + distanceMs);
    link.event({ kind: "heard" });
    link.wake();
    expect(link.nowMs).toBe(1_000 + 2 * distanceMs);
  });

  test("without a welcome in time it gives the link up", () => {
    const link = new MachineDriver();
    link.start();
    link.event({ kind: "opened" });
    expect(kinds(link.wake())).toEqual(["close", "note no-welcome"]);
    expect(link.nowMs).toBe(1_000 + welcomeMsMax);
    expect(link.state.stage.kind).toBe("waiting");
  });

  test("frames before the welcome, and a second welcome, end the link as a breach of the protocol", () => {
    const early = new MachineDriver();
    early.start();
    early.event({ kind: "opened" });
    expect(early.heartbeat(null)[0]).toMatchObject({ kind: "close", code: closeCodes.protocol });

    const twice = new MachineDriver();
    twice.open();
    expect(twice.frame(twice.welcome(null))[0]).toMatchObject({ code: closeCodes.protocol });
  });

  test("what is already known to fail is told on every new link, without having been asked", () => {
    const link = new MachineDriver({ running: v1 });
    link.start();
    const errors = [{ id: "bal_a", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" }];
    link.event({
      kind: "config",
      outcome: {
        kind: "settled",
        version: v1,
        balancers: [],
        errors,
        connections: { kept: 0, drained: 0, cut: 0 },
      },
    });
    expect(sent(link.open(v1))).toEqual([
      { t: "nack", nonce: null, version: v1, running: v1, partial: true, errors },
    ]);
  });
});

describe("link machine: staying up", () => {
  test("a link without a sign of life for too long is dead, however much was sent", () => {
    const link = new MachineDriver();
    link.open();
    const startMs = link.nowMs;
    let last = kinds(link.wake());
    while (last[0] === "heartbeat") last = kinds(link.wake());
    expect(last).toEqual(["close", "note silent"]);
    expect(link.nowMs).toBe(startMs + linkSilenceMsMax);
  });

  test("a ping counts as a sign of life", () => {
    const link = new MachineDriver();
    link.open();
    link.nowMs += linkSilenceMsMax - 1;
    link.event({ kind: "heard" });
    link.nowMs += linkSilenceMsMax - 1;
    expect(kinds(link.event({ kind: "tick" }))).toEqual(["heartbeat"]);
  });

  test.each([
    ["not JSON", "{", closeCodes.protocol],
    ["of no known form", '{"t":"teapot"}', closeCodes.protocol],
    ["binary", null, closeCodes.protocol],
    ["bigger than a frame may be", "x".repeat(30_000), closeCodes.tooBig],
  ])("a message that is %s closes the link with the protocol's code", (_what, text, code) => {
    const link = new MachineDriver();
    link.open();
    const effects = link.event({ kind: "received", text });
    expect(effects[0]).toMatchObject({ kind: "close", code });
    expect(link.state.stage.kind).toBe("waiting");
  });

  test("a message in parts is acted on when it is complete; parts out of order close the link", () => {
    const link = new MachineDriver();
    link.open();
    const up = [{ kind: "balancer", id: "bal_a", hash: "0".repeat(64), body: "x".repeat(60_000) }];
    const texts = encodeFrame({ ...deltaOf(null, v1), up }, "p1");
    expect(texts.length).toBeGreaterThan(2);
    const effects = texts.flatMap((text) => link.event({ kind: "received", text }));
    expect(kinds(effects)).toEqual(["take"]);

    const [, second = ""] = texts;
    expect(link.event({ kind: "received", text: second })[0]).toMatchObject({
      kind: "close",
      code: closeCodes.protocol,
    });
  });

  test("a message whose last part does not come is forgotten in time, of itself", () => {
    const link = new MachineDriver();
    link.open();
    const up = [{ kind: "balancer", id: "bal_a", hash: "0".repeat(64), body: "x".repeat(60_000) }];
    const [first = ""] = encodeFrame({ ...deltaOf(null, v1), up }, "p1");
    const beganMs = link.nowMs;
    link.event({ kind: "received", text: first });
    while (link.nowMs <= beganMs + framePartsMsMax) {
      expect(link.state.parts).not.toBeNull();
      link.event({ kind: "heard" });
      link.wake();
    }
    expect(link.nowMs).toBe(beganMs + framePartsMsMax + 1);
    expect(link.state.parts).toBeNull();
    expect(link.state.stage.kind).toBe("open");
  });

  test("commands: resync asks for everything, reconnect ends the link, what cannot be done is said", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    const command = (
      name: "resync" | "reconnect" | "drain" | "revoke" | "plan",
      args: unknown = null,
    ) => link.frame({ t: "cmd", id: name, name, deadlineMs: 1_000, args });
    expect(sent(command("resync"))).toMatchObject([
      { t: "cmdr", id: "resync", ok: true },
      { t: "get", want: null, why: "missing" },
    ]);
    expect(kinds(link.frame(refOf(v1)))).toEqual(["take"]);
    expect(sent(command("drain"))).toMatchObject([{ t: "cmdr", ok: false, code: "unsupported" }]);
    expect(sent(command("revoke"))).toMatchObject([{ t: "cmdr", ok: true }]);
    expect(command("plan", { about: 1 })).toMatchObject([
      { kind: "asked", command: { id: "plan", args: { about: 1 }, deadlineMs: 1_000 } },
    ]);
    const answer = { kind: "answer", command: "plan", code: "done", result: { fits: 1 } } as const;
    expect(sent(link.event(answer))).toEqual([
      { t: "cmdr", id: "plan", ok: true, code: "done", result: { fits: 1 } },
    ]);
    expect(kinds(command("reconnect", { minMs: 300, maxMs: 500 }))).toEqual(["send", "close"]);
    expect(linkDueMs(link.state)).toBe(link.nowMs + 400);
  });
});

describe("link machine: coming back", () => {
  test.each([
    [0, 2_000],
    [0.5, 6_000],
    [0.999_999, 10_000],
  ])(
    "after a first loss it waits within the spread that the control plane set (luck %d)",
    (luck, waitMs) => {
      const link = new MachineDriver({ luck });
      link.open();
      link.event({ kind: "lost", code: 1006 });
      expect(waitOf(link)).toBe(waitMs);
    },
  );

  test("failed tries wait longer and longer with full jitter, up to the ceiling, and for ever", () => {
    const link = new MachineDriver({ luck: 0.999_999 });
    link.start();
    const waits = Array.from({ length: 12 }, () => {
      link.event({ kind: "refused", refusal: { kind: "network" } });
      const waitMs = waitOf(link);
      expect(kinds(link.wake())).toEqual(["connect"]);
      return waitMs;
    });
    expect(waits.slice(0, 4)).toEqual([499, 999, 1_999, 3_999]);
    expect(waits[0]).toBeLessThan(reconnectFirstMs);
    expect(waits.at(-1)).toBe(reconnectMsMax - 1);
  });

  test("a link that held for a while forgets earlier failures; one that did not, does not", () => {
    const link = new MachineDriver({ luck: 0.999_999 });
    link.start();
    for (let tries = 0; tries < 5; tries += 1) {
      link.event({ kind: "refused", refusal: { kind: "network" } });
      link.wake();
    }
    link.event({ kind: "opened" });
    link.frame(link.welcome(null));
    link.nowMs += linkStableMs - 1;
    link.event({ kind: "lost", code: 1006 });
    expect(waitOf(link)).toBe(reconnectFirstMs * 2 ** 5 - 1);

    link.wake();
    link.event({ kind: "opened" });
    link.frame(link.welcome(null));
    link.nowMs += linkStableMs;
    link.event({ kind: "lost", code: 1006 });
    expect(waitOf(link)).toBe(10_000);
  });

  test("a bye names the spread to come back within", () => {
    const link = new MachineDriver();
    link.open();
    const retry = { minMs: 30_000, maxMs: 50_000 };
    const effects = link.frame({ t: "bye", code: closeCodes.restart, reason: "restart", retry });
    expect(kinds(effects)).toEqual(["close"]);
    expect(waitOf(link)).toBe(40_000);
  });

  test("no spread and no Retry-After is followed without bound", () => {
    const link = new MachineDriver({ luck: 0.999_999 });
    link.open();
    const retry = { minMs: 0, maxMs: 10 ** 9 };
    link.frame({ t: "bye", code: closeCodes.tryLater, reason: "", retry });
    expect(waitOf(link)).toBeLessThanOrEqual(retryAfterMsMax);
    link.wake();
    link.event({ kind: "refused", refusal: refusalOf(503, { retryAfterMs: 10 ** 9 }) });
    expect(waitOf(link)).toBe(retryAfterMsMax);
  });

  test.each([
    [closeCodes.revoked, "link-revoked"],
    [closeCodes.replaced, "link-replaced"],
    [closeCodes.upgradeRequired, "agent-too-old"],
    [closeCodes.unauthorized, "link-refused"],
  ])("closed with %d it keeps what runs, says why and comes back much later", (code, note) => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    expect(kinds(link.event({ kind: "lost", code }))).toEqual([`note ${note}`]);
    expect(waitOf(link)).toBe(refusedRetryMs);
    expect(link.state.running).toEqual(v1);
  });

  test.each([403, 404, 409, 426])("refused with status %d it comes back much later", (status) => {
    const link = new MachineDriver();
    link.start();
    link.event({ kind: "refused", refusal: refusalOf(status) });
    expect(waitOf(link)).toBe(refusedRetryMs);
  });

  test("turned away with Retry-After, it waits at least that long", () => {
    const link = new MachineDriver();
    link.start();
    link.event({ kind: "refused", refusal: refusalOf(503, { retryAfterMs: 7_000 }) });
    expect(waitOf(link)).toBe(7_250);
  });

  test("a clock that is off is corrected and tried again at once, but only once", () => {
    const link = new MachineDriver();
    link.start();
    const refusal = refusalOf(401, { controlTimeMs: 5_000_000 });
    expect(link.event({ kind: "refused", refusal })).toMatchObject([
      { kind: "correct-clock", controlTimeMs: 5_000_000 },
      { kind: "note", note: "clock-corrected" },
      { kind: "connect" },
    ]);
    expect(kinds(link.event({ kind: "refused", refusal }))).toEqual(["note link-refused"]);
    expect(waitOf(link)).toBeLessThan(reconnectFirstMs);
    link.wake();
    expect(kinds(link.event({ kind: "refused", refusal }))).toContain("correct-clock");
  });

  test("stopped, it says bye, closes, and nothing wakes it", () => {
    const link = new MachineDriver();
    link.open();
    expect(kinds(link.event({ kind: "stop", reason: "done" }))).toEqual(["send", "close"]);
    expect(linkDueMs(link.state)).toBeNull();
    expect(link.event({ kind: "lost", code: 1000 })).toEqual([]);
  });
});

function waitOf(link: MachineDriver): number {
  expect(link.state.stage.kind).toBe("waiting");
  return (linkDueMs(link.state) ?? 0) - link.nowMs;
}

function refusalOf(
  status: number,
  over: { readonly retryAfterMs?: number; readonly controlTimeMs?: number } = {},
) {
  return { kind: "status", status, retryAfterMs: null, controlTimeMs: null, ...over } as const;
}
