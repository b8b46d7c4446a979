import { expect, test } from "vitest";

import { ExpiryWatch } from "../../../node-agent/certificates/expiry-watch.ts";

const dayMs = 24 * 60 * 60 * 1_000;
const notAfterMs = Date.UTC(2030, 5, 1);
const pointer = "/tls/certificates/0";

test("a certificate is told of once at 30, 7 and 1 days before its end, and once when it is over", () => {
  const watch = new ExpiryWatch();
  const told: string[] = [];
  for (let hour = 40 * 24; hour >= -48; hour -= 1) {
    const nowMs = notAfterMs - (hour * dayMs) / 24;
    for (const { detail } of watch.due([{ pointer, notAfterMs }], nowMs)) {
      told.push(`${hour}: ${detail}`);
    }
  }
  expect(told).toEqual([
    "720: is valid until 2030-06-01T00:00:00.000Z: less than 30 days",
    "168: is valid until 2030-06-01T00:00:00.000Z: less than 7 days",
    "24: is valid until 2030-06-01T00:00:00.000Z: less than a day",
    "0: was valid until 2030-06-01T00:00:00.000Z",
  ]);
});

test("a renewed certificate begins anew, each is told of by itself, and a clock that goes back repeats nothing", () => {
  const watch = new ExpiryWatch();
  const other = { pointer: "/backendTls/clientCertificate", notAfterMs: notAfterMs + 60 * dayMs };
  const due = (endMs: number, nowMs: number) =>
    watch.due([{ pointer, notAfterMs: endMs }, other], nowMs).map((warning) => warning.pointer);

  expect(due(notAfterMs, notAfterMs - 6 * dayMs)).toEqual([pointer]);
  expect(due(notAfterMs, notAfterMs - 20 * dayMs)).toEqual([]);
  expect(due(notAfterMs, notAfterMs - 6 * dayMs)).toEqual([]);
  const renewedMs = notAfterMs + 90 * dayMs;
  expect(due(renewedMs, notAfterMs)).toEqual([]);
  expect(due(renewedMs, renewedMs - 29 * dayMs)).toEqual([pointer, other.pointer]);
});
