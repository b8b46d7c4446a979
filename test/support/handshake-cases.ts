import { expect } from "vitest";

import type { TlsFailure } from "../../node-agent/engine/tls-terms.ts";
import { eventually } from "./eventually.ts";
import { opensslClient, type OpensslEnd } from "./openssl-client.ts";
import type { TlsAgent } from "./tls-agent.ts";

/** What the client says, and what is to become of it: what was agreed on, or how it was refused. */
export interface HandshakeCase {
  readonly at: string;
  readonly says: readonly string[];
  readonly ends: Agreed | Refused;
}
export type Agreed = Partial<Pick<OpensslEnd, "version" | "cipher" | "group" | "alpn" | "name">>;
export interface Refused {
  readonly alert: string;
  readonly failure: TlsFailure;
}

/** Plays all cases, a few at once; who agrees is served, and the access log has each refusal's reason. */
export async function casesHold(agent: TlsAgent, cases: readonly HandshakeCase[]): Promise<void> {
  const names = [...new Set(cases.map(({ at }) => at))];
  const before = new Map(names.map((name) => [name, agent.failuresOf(name).length]));
  const left = [...cases];
  const seen: unknown[] = [];
  const expected: unknown[] = [];
  const oneAfterAnother = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { at, says, ends } = next;
      const end = await opensslClient(agent.portOf(at), says);
      const isServed = end.output.includes("welcome");
      const what = `${at} ${says.join(" ")}`;
      seen.push({ what, isServed, ...shared(end, ends) });
      const { failure: _, ...wanted } = { failure: undefined, ...ends };
      expected.push({ what, isServed: !("alert" in ends), ...wanted });
    }
  };
  await Promise.all(Array.from({ length: 4 }, oneAfterAnother));
  expect(seen).toEqual(expected);
  for (const name of names) {
    const failures = cases
      .filter(({ at }) => at === name)
      .flatMap(({ ends }) => ("failure" in ends ? [ends.failure] : []));
    await eventually(() => {
      const logged = agent.failuresOf(name).slice(before.get(name));
      expect(logged.toSorted(), name).toEqual(failures.toSorted());
    });
  }
}

/** Those fields of what was seen that a case is about. */
function shared(end: OpensslEnd, ends: HandshakeCase["ends"]): object {
  return Object.fromEntries(
    Object.entries(end).filter(([field]) => Object.keys(ends).includes(field)),
  );
}
