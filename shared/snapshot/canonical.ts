import canonicalize from "canonicalize";

import { Fault } from "../base/fault.ts";

/**
 * The one JSON text of a value: RFC 8785 (JSON Canonicalization Scheme). Equal values give equal
 * texts, whatever the order of their keys, so a hash of the text identifies the value.
 *
 * @throws Fault `snapshot/not-json` when the value has no JSON form (undefined, a cycle, NaN)
 */
export function canonicalJson(value: unknown): string {
  try {
    const text = canonicalize(value);
    if (text !== undefined) return text;
  } catch (cause) {
    throw notJson(cause);
  }
  throw notJson();
}

function notJson(cause?: unknown): Fault {
  return new Fault({
    code: "snapshot/not-json",
    owner: "platform",
    message: "value has no canonical JSON form",
    cause,
  });
}
