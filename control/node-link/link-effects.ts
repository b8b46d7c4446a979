import type { NodeId } from "#shared/base/ids.ts";
import { encodeFrame } from "#shared/wire/codec.ts";

import type { GroupKey } from "../publish/group-key.ts";
import type { Recipient } from "../publish/publisher-deps.ts";
import type { LinkCarrier } from "./link-carrier.ts";
import type { LinkDesk } from "./link-desk.ts";
import type { LinkEffect, LinkEvent } from "./link-machine-events.ts";

/** Whose link it is. */
export interface LinkedNode extends Recipient {
  readonly nodeId: NodeId;
  readonly key: GroupKey;
  readonly generation: number;
  readonly session: string;
}

/** A link as its effects see it, whatever carries it and wherever its state lies. */
export interface EffectTarget {
  readonly node: LinkedNode;
  readonly carrier: LinkCarrier;
  /** Brings an answer back into the machine. */
  readonly handle: (event: LinkEvent) => void;
}

/** Does what the machine decided, in order. Answers that take time come back as events. */
export function performEffects(
  desk: LinkDesk,
  target: EffectTarget,
  effects: readonly LinkEffect[],
): void {
  for (const effect of effects) perform(desk, target, effect);
}

function perform(desk: LinkDesk, target: EffectTarget, effect: LinkEffect): void {
  const { node, carrier } = target;
  switch (effect.kind) {
    case "send":
      return carrier.send(encodeFrame(effect.frame, node.session));
    case "send-config":
      return carrier.send(effect.texts);
    case "close":
      return carrier.close(effect.code, effect.reason);
    case "prepare":
      return void prepare(desk, target, effect);
    case "ingest":
      return void ingest(desk, target, effect);
    case "introduce":
      return desk.status.introduced(node, effect.hello);
    case "status":
      return desk.status.changed(node, effect.change, effect.soon);
    case "receipt":
      return desk.status.reached(node, effect.receipt);
    case "events":
      return desk.status.happened(node, effect.events);
    case "answered":
      return desk.answered({ node: node.nodeId, ...effect });
    case "note":
      return desk.log.info("link.note", { ...factsOf(node), note: effect.note });
  }
}

async function prepare(
  desk: LinkDesk,
  { node, handle }: EffectTarget,
  asked: Extract<LinkEffect, { kind: "prepare" }>,
): Promise<void> {
  const { request, from, whole } = asked;
  const config = await desk.publisher.prepare(node.key, node, { have: from, whole });
  handle({ kind: "prepared", request, config });
}

async function ingest(
  desk: LinkDesk,
  { node, handle }: EffectTarget,
  { report, clockOffsetMs }: Extract<LinkEffect, { kind: "ingest" }>,
): Promise<void> {
  const mark = await desk.takeReport(node.nodeId, report, clockOffsetMs);
  handle({ kind: "report-settled", bootId: report.bootId, seq: report.seq, mark });
}

/** What a line about a link says of its node. */
export function factsOf(node: LinkedNode): Readonly<Record<string, string | number>> {
  const { nodeId, key, generation, session } = node;
  return { node: nodeId, tenant: key.tenantId, group: key.groupId, generation, session };
}
