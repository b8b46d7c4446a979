import { expect, test } from "vitest";

import { applyEvents } from "../../../node-agent/apply/apply-events.ts";
import type { Failing, FailingBalancers } from "../../../node-agent/apply/running.ts";

function failing(pointer: string, code: string): FailingBalancers {
  const one: Failing = { problems: [{ pointer, code, detail: "why" }], retry: true };
  return new Map([["bal_a", one]]);
}

const none: FailingBalancers = new Map();

test.for([
  ["/bind/0", "EADDRINUSE", "bind"],
  ["/bind", "address-given-back", "bind"],
  ["/tls/certificates/1", "bad-file", "certificates"],
  ["/tls/clientAuth/authority", "bad-authority", "certificates"],
  ["/backendTls/rootCa", "bad-file", "certificates"],
])("what fails at %s with %s is told as %s.failed, and its end as recovered", (row) => {
  const [pointer = "", code = "", what] = row;
  const after = failing(pointer, code);
  expect(applyEvents(none, after)).toEqual([
    {
      kind: `${what}.failed`,
      balancer: "bal_a",
      backend: null,
      detail: `${code} at ${pointer}: why`,
    },
  ]);
  expect(applyEvents(after, after)).toEqual([]);
  expect(applyEvents(after, none)).toEqual([
    { kind: `${what}.recovered`, balancer: "bal_a", backend: null, detail: "" },
  ]);
});
