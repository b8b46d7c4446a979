import { expect, test } from "vitest";

import { dialAttemptsMax } from "#shared/base/limits.ts";

import { afterFailedDial, targetOf } from "../../../node-agent/connect/dialling.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

test("a failed dial is followed by another one, until there were enough", () => {
  for (let attempts = 1; attempts < dialAttemptsMax; attempts += 1) {
    const next = afterFailedDial({ code: "ECONNREFUSED", mayRetry: true, attempts });
    expect(next).toEqual({ kind: "try-another" });
  }
  const last = { mayRetry: true, attempts: dialAttemptsMax };
  expect(afterFailedDial({ ...last, code: "ECONNREFUSED" })).toEqual({
    kind: "give-up",
    reason: "connect-failed",
  });
  expect(afterFailedDial({ ...last, code: "ETIMEDOUT" })).toEqual({
    kind: "give-up",
    reason: "connect-timeout",
  });
});

test("nothing is tried again once something of the client may have left", () => {
  const failed = { code: "ECONNRESET", mayRetry: false, attempts: 1 };
  expect(afterFailedDial(failed)).toEqual({ kind: "give-up", reason: "connect-failed" });
});

test("a backend is dialled at its host and port", () => {
  const [candidate] = candidatesOf([backendOf("db.internal:5432")]);
  if (candidate === undefined) throw new Error("there is one");
  expect(targetOf(candidate)).toEqual({ kind: "tcp", host: "db.internal", port: 5_432 });
});
