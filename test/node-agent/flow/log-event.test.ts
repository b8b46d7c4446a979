import { expect, test } from "vitest";

import type { CloseReason } from "../../../node-agent/engine/engine.ts";
import { logEvent } from "../../../node-agent/flow/log-event.ts";
import { quietLog } from "../../support/quiet-log.ts";

function levelOf(reason: CloseReason, detail = ""): string | undefined {
  const log = quietLog();
  logEvent(log, { kind: "clients.turned-away", balancer: "bal_a", reason, detail, count: 3 });
  const [line] = log.lines;
  expect(line?.fields).toEqual({
    event: "clients.turned-away",
    balancer: "bal_a",
    reason,
    detail,
    count: 3,
  });
  return line?.level;
}

test("what strangers bring about is no warning, whatever they send", () => {
  for (const reason of [
    "access-denied",
    "untrusted-proxy",
    "bad-hello",
    "hello-timeout",
    "name-refused",
    "handshake-failed",
    "handshake-timeout",
  ] as const) {
    expect([reason, levelOf(reason, "why")]).toEqual([reason, "info"]);
  }
  expect(levelOf("limit-reached", "one client has as many connections as it may")).toBe("info");
});

test("what an operator can mend is a warning, and what leaves clients without a backend an error", () => {
  expect(levelOf("bad-proxy-header", "why")).toBe("warn");
  expect(levelOf("proxy-header-timeout")).toBe("warn");
  // The limit of the balancer itself.
  expect(levelOf("limit-reached")).toBe("warn");
  expect(levelOf("no-backend", "no live backend")).toBe("error");
  expect(levelOf("backends-full")).toBe("error");
});
