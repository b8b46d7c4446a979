import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { nodeFrameBurstMax } from "#shared/base/limits.ts";
import { encodeFrame } from "#shared/wire/codec.ts";
import { controlFrameSchema } from "#shared/wire/control-frames.ts";
import type { NodeFrame } from "#shared/wire/node-frames.ts";

import type { LinkEvent } from "../../../control/node-link/link-machine-events.ts";
import type { LinkState } from "../../../control/node-link/link-machine-state.ts";
import type { PreparedConfig } from "../../../control/publish/prepared-config.ts";
import { ack, beat, conversation, hello, nack, report, version } from "./conversation.ts";

const anyVersion = fc
  .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 2 }))
  .map(([rev, epoch]) => version(rev, epoch));
const anyNonce = fc.constantFrom("n1", "n2", "n3", null);
const anyBoot = fc.constantFrom("boot-1", "boot-2");

const anyFrame: fc.Arbitrary<NodeFrame> = fc.oneof(
  { weight: 1, arbitrary: fc.option(anyVersion, { nil: null }).map((have) => hello({ have })) },
  {
    weight: 32,
    arbitrary: fc
      .tuple(fc.constantFrom("stored", "applied", "serving" as const), anyNonce, anyVersion)
      .map(([phase, nonce, to]) => ack(phase, { nonce, version: to })),
  },
  {
    weight: 16,
    arbitrary: fc
      .tuple(anyNonce, anyVersion, fc.option(anyVersion, { nil: null }), fc.boolean())
      .map(([nonce, to, running, partial]) => nack({ nonce, version: to }, { running, partial })),
  },
  {
    weight: 24,
    arbitrary: fc.tuple(anyVersion, fc.nat(2)).map(([v, failing]) => beat(v, failing)),
  },
  {
    weight: 24,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 6 }), anyBoot)
      .map(([seq, boot]) => report(seq, boot)),
  },
  {
    weight: 16,
    arbitrary: fc
      .constantFrom("base-mismatch", "missing", "conflict" as const)
      .map((why): NodeFrame => ({ t: "get", want: null, why })),
  },
  {
    weight: 8,
    arbitrary: fc.constant<NodeFrame>({ t: "cmdr", id: "c", ok: true, code: "", result: 1 }),
  },
);

const anyConfig: fc.Arbitrary<PreparedConfig> = fc.oneof(
  fc
    .tuple(fc.constantFrom("n1", "n2", "n3"), anyVersion, fc.boolean())
    .map(([nonce, to, pulled]): PreparedConfig => {
      return { kind: "message", nonce, to, pulled, texts: [nonce] };
    }),
  fc.constant<PreparedConfig>({ kind: "nothing" }),
  fc.constant<PreparedConfig>({ kind: "unavailable" }),
);

/** Mostly what a node or the control plane would do, some of it broken. */
const anyEvent: fc.Arbitrary<LinkEvent> = fc.oneof(
  {
    weight: 96,
    arbitrary: anyFrame.map((frame) => ({
      kind: "received" as const,
      text: JSON.stringify(frame),
    })),
  },
  { weight: 1, arbitrary: fc.string().map((text) => ({ kind: "received" as const, text })) },
  { weight: 1, arbitrary: fc.json().map((text) => ({ kind: "received" as const, text })) },
  {
    weight: 1,
    arbitrary: fc.nat(3).map((index): LinkEvent => {
      const parts = encodeFrame({ ...beat(null), pad: "x".repeat(60_000) }, "m");
      return { kind: "received", text: parts[index] ?? "" };
    }),
  },
  { weight: 32, arbitrary: anyVersion.map((v) => ({ kind: "desired" as const, version: v })) },
  {
    weight: 48,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 5 }), anyConfig)
      .map(([request, config]) => ({ kind: "prepared" as const, request, config })),
  },
  {
    weight: 24,
    arbitrary: fc
      .tuple(anyBoot, fc.integer({ min: 1, max: 6 }), fc.option(fc.nat(6), { nil: null }))
      .map(([bootId, seq, mark]) => ({ kind: "report-settled" as const, bootId, seq, mark })),
  },
  { weight: 1, arbitrary: fc.nat(2_000_000).map((bytes) => ({ kind: "unsent" as const, bytes })) },
  { weight: 32, arbitrary: fc.constant<LinkEvent>({ kind: "tick" }) },
);

const anyStory = fc.array(fc.tuple(anyEvent, fc.nat(3_000)), { maxLength: 120 });

function expectLegal(state: LinkState, before: LinkState): void {
  expect(["awaiting-hello", "open", "closed"]).toContain(state.stage);
  if (before.stage === "closed") expect(state).toEqual(before);
  if (before.stage === "open") expect(state.stage).not.toBe("awaiting-hello");
  if (state.inFlight !== null) expect(state.stage).toBe("open");
  expect(state.reportsAccepted).toBeGreaterThanOrEqual(state.reportsStored);
  expect(state.reportsStored).toBeGreaterThanOrEqual(before.reportsStored);
  expect(state.requests).toBeGreaterThanOrEqual(before.requests);
  expect(state.frameBucket.tokens).toBeLessThanOrEqual(nodeFrameBurstMax);
}

const stored = (state: LinkState): LinkState => JSON.parse(JSON.stringify(state)) as LinkState;

describe("whatever a node does, in whatever order", () => {
  test("the link never throws, is always in a legal state, and says only what the protocol has", () => {
    fc.assert(
      fc.property(anyStory, fc.boolean(), (story, polite) => {
        const talk = conversation({ desired: version(2) });
        if (polite) talk.says(hello());
        for (const [event, laterMs] of story) {
          const before = talk.state;
          talk.nowMs += laterMs;
          const effects = talk.on(event);
          expectLegal(talk.state, before);
          for (const effect of effects) {
            if (effect.kind === "send") controlFrameSchema.parse(effect.frame);
          }
          const closes = effects.findIndex((effect) => effect.kind === "close");
          if (closes >= 0) expect(closes, "nothing follows a close").toBe(effects.length - 1);
          if (closes >= 0) expect(talk.state.stage).toBe("closed");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a state that is stored and loaded between every two events leads the same conversation", () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const plain = conversation({ desired: version(2), marks: { "boot-1": 2 } });
        const rows = conversation({ desired: version(2), marks: { "boot-1": 2 }, between: stored });
        for (const talk of [plain, rows]) {
          talk.says(hello());
          for (const [event, laterMs] of story) {
            talk.nowMs += laterMs;
            talk.on(event);
          }
        }
        expect(rows.effects).toEqual(plain.effects);
        expect(rows.state).toEqual(plain.state);
      }),
      { numRuns: 300 },
    );
  });

  test("a node that answers ends on the desired version, however often it changed", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (revs) => {
        const rising = [...new Set(revs)].toSorted((a, b) => a - b);
        const talk = conversation({ desired: version(0) });
        talk.says(hello({ have: version(0) }));
        let answered = 0;
        for (const rev of rising) {
          talk.on({ kind: "desired", version: version(rev) });
          if (rev % 3 === 0) answered += answers(talk, version(rev));
        }
        while (talk.state.inFlight !== null) {
          answered += answers(talk, talk.state.desired ?? version(0));
          expect(answered).toBeLessThanOrEqual(rising.length);
        }
        expect(talk.state.running).toEqual(version(rising.at(-1) ?? 0));
      }),
    );
  });
});

/** Makes the message that is asked for and acknowledges it. */
function answers(talk: ReturnType<typeof conversation>, to: ReturnType<typeof version>): number {
  if (talk.state.inFlight === null) return 0;
  if (talk.state.inFlight.nonce === null) talk.prepares(`n${talk.state.requests}`, to);
  const { inFlight } = talk.state;
  if (inFlight === null) return 0;
  talk.nowMs += 1_000;
  talk.says(ack("serving", { nonce: inFlight.nonce, version: inFlight.to }));
  return 1;
}
