import { z } from "zod";

import {
  backendsPerBalancerMax,
  discoverySourcesMax,
  rememberedAgeMsMax,
} from "#shared/base/limits.ts";
import { backendSchema } from "#shared/definition/backend.ts";

import type { NamedAnswer } from "./named-answer.ts";

const fileSchema = z.object({
  format: z.literal(1),
  node: z.string(),
  balancer: z.string(),
  writtenMs: z.number(),
  sources: z
    .array(
      z.object({
        key: z.string().max(100),
        saidMs: z.number(),
        backends: z.array(backendSchema).max(backendsPerBalancerMax),
      }),
    )
    .max(discoverySourcesMax),
});

/** What the sources of one balancer named last, by the key of each. */
export type NamedAnswers = ReadonlyMap<string, NamedAnswer>;

/** Whose file it is. */
export interface RememberedOwner {
  readonly node: string;
  readonly balancer: string;
}

export type ReadRemembered =
  | { readonly ok: true; readonly answers: NamedAnswers; readonly ageMs: number }
  /** `torn` is whatever is no such file; `foreign` belongs to another node or balancer. */
  | { readonly ok: false; readonly why: "torn" | "foreign" | "too-old"; readonly detail: string };

/** The text of the file; it holds addresses and their attributes, and no secret of a source. */
export function rememberedText(
  { node, balancer }: RememberedOwner,
  answers: NamedAnswers,
  nowMs: number,
): string {
  const sources = Array.from(answers, ([key, { saidMs, backends }]) => ({ key, saidMs, backends }));
  return `${JSON.stringify({ format: 1, node, balancer, writtenMs: nowMs, sources })}\n`;
}

/**
 * What such a text says. Everything in it is checked as if a source had just said it. A clock that
 * was set back makes no file too old.
 */
export function readRemembered(
  text: string,
  owner: RememberedOwner,
  nowMs: number,
): ReadRemembered {
  const file = fileSchema.safeParse(parsed(text)).data;
  if (file === undefined) return refused("torn", "it is not what this agent writes there");
  const { node, balancer, writtenMs, sources } = file;
  if (node !== owner.node) return refused("foreign", "another node has written it");
  if (balancer !== owner.balancer) return refused("foreign", "it is of another balancer");
  const ageMs = Math.max(0, nowMs - writtenMs);
  if (ageMs > rememberedAgeMsMax) {
    return refused("too-old", `it was written ${new Date(writtenMs).toISOString()}`);
  }
  const answers = sources.map(({ key, saidMs, backends }) => [key, { saidMs, backends }] as const);
  return { ok: true, answers: new Map(answers), ageMs };
}

function refused(why: "torn" | "foreign" | "too-old", detail: string): ReadRemembered {
  return { ok: false, why, detail };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
