import { expect, test } from "vitest";

import { iperfResultOf } from "./iperf.ts";

test("what arrived counts, not what was sent", () => {
  const end = {
    sum_sent: { bytes: 9e9, seconds: 2 },
    sum_received: { bytes: 4e9, seconds: 2.1 },
  };
  expect(iperfResultOf(JSON.stringify({ end }))).toEqual({ bytes: 4e9, seconds: 2.1 });
});

test("iperf3's complaint is no result", () => {
  expect(() => iperfResultOf('{"error": "unable to connect to server"}')).toThrow();
});
