import { z } from "zod";

import type { ProblemCode } from "./problem-code.ts";

/** What a text was understood as, or why it was not. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: ProblemCode; readonly detail: string };

export function understood<T>(value: T): Reading<T> {
  return { ok: true, value };
}

export function refused(code: ProblemCode, detail: string): Reading<never> {
  return { ok: false, code, detail };
}

/** A problem that a schema of its own finds. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  /** Below the value that is checked. */
  readonly path?: readonly (string | number)[];
}

/** Adds a problem with one of our own codes to a zod check. */
export function refuse(check: z.RefinementCtx, refusal: Refusal): void {
  check.addIssue({
    code: "custom",
    message: refusal.detail,
    params: { code: refusal.code },
    path: [...(refusal.path ?? [])],
  });
}

/** A text that `read` understands. It stays a text: what it means is read again where it is used. */
export function readableText(
  read: (text: string) => Reading<unknown>,
  charsMax: number,
): z.ZodString {
  return boundedText(charsMax).superRefine((text, check) => {
    const reading = read(text);
    if (!reading.ok) refuse(check, reading);
  });
}

/** A text of 1 to `charsMax` characters; later checks do not look at a longer one. */
export function boundedText(charsMax: number): z.ZodString {
  return storableText().min(1, { abort: true }).max(charsMax, { abort: true });
}

/** A text of any length that the database stores as it is. */
export function storableText(): z.ZodString {
  return z.string().superRefine((text, check) => {
    if (!isStorable(text)) refuse(check, notStorable);
  });
}

/** What is wrong with a text that `isStorable` does not take. */
export const notStorable: Refusal = {
  code: "invalid-format",
  detail: "holds U+0000, or half of a surrogate pair",
};

/** Whether a text is valid Unicode without U+0000: no other can be stored. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\u0000");
}
