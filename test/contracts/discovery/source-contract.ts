import { describe, expect, test } from "vitest";

import type { Backend } from "#shared/definition/backend.ts";
import type { EmptyAnswer } from "#shared/definition/discovery/empty-answer.ts";

import type { Fetch } from "../../../node-agent/discover/discovery.ts";

/** A kind of discovery that has these backends to tell. */
export interface SourceSubject {
  readonly name: string;
  readonly create: (backends: readonly Backend[]) => Promise<Fetch>;
  /** What an answer without any entry is, where the definition says nothing of it. */
  readonly emptyAnswer: EmptyAnswer;
}

const never = new AbortController().signal;

/** What every source of backends promises. */
export function sourceContract(subject: SourceSubject): void {
  const backend = (host: string): Backend => ({
    host,
    port: 80,
    weight: 1,
    priority: 1,
    maxConnections: 0,
    sni: "",
  });

  describe(`every source: ${subject.name}`, () => {
    test("tells all of its backends, each time it is asked", async () => {
      const backends = [backend("10.0.0.1"), backend("10.0.0.2"), backend("10.0.0.3")];
      const fetch = await subject.create(backends);
      expect(await fetch(never)).toEqual({ ok: true, backends });
      expect(await fetch(never)).toEqual({ ok: true, backends });
    });

    const what =
      subject.emptyAnswer === "accept" ? "an answer" : "a failure with a code of its own";
    test(`an answer without any entry is ${what}`, async () => {
      const fetch = await subject.create([]);
      const accepted = { ok: true, backends: [] };
      const failed = { ok: false, code: "empty", detail: "it names no backend", isAnswered: true };
      expect(await fetch(never)).toEqual(subject.emptyAnswer === "accept" ? accepted : failed);
    });

    test("settles when it is aborted, and never rejects", async () => {
      const fetch = await subject.create([backend("10.0.0.1")]);
      const abort = new AbortController();
      const fetched = Promise.all([fetch(abort.signal), fetch(AbortSignal.abort())]);
      abort.abort();
      expect(await fetched).toHaveLength(2);
    });
  });
}
