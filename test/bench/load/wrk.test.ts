import { expect, test } from "vitest";

import { wrkResultOf } from "./wrk.ts";

const summary = `Running 2s test @ http://127.0.0.1:7803/
  1 threads and 64 connections
  104910 requests in 2.10s, 19.01MB read
Requests/sec:  49963.31
Transfer/sec:      9.05MB
`;

test("a run without trouble: requests, their rate, nothing lost", () => {
  expect(wrkResultOf(summary)).toEqual({ requests: 104_910, perSecond: 49_963.31, lost: 0 });
});

test("connections that failed and answers that were no success are lost", () => {
  const trouble = `  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
`;
  expect(wrkResultOf(summary + trouble).lost).toBe(54_321);
});

test("what is not a summary is no result", () => {
  expect(() => wrkResultOf("unable to connect")).toThrow("not a summary of wrk");
});
