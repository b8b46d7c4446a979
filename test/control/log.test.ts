import { expect, test } from "vitest";

import { Fault } from "#shared/base/fault.ts";

import { createLog } from "../../control/log.ts";

function linesOf(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLog({ level: "info", instance: "one", destination }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("an event is one line of JSON that says when, how bad, who and what", () => {
  const [line] = linesOf((log) => log.info("http.request", { status: 200 }));
  expect(line).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    instance: "one",
    event: "http.request",
    status: 200,
  });
});

test("below the level nothing is written", () => {
  expect(linesOf((log) => log.debug("http.request"))).toEqual([]);
});

test("an error shows its causes, and nothing that a driver attached to them", () => {
  const driver = Object.assign(new Error("Failed query: select $1\nparams: hunter2"), {
    query: "select $1",
    params: ["hunter2"],
    code: "XX000",
  });
  const fault = new Fault({
    code: "storage/query-failed",
    owner: "platform",
    message: "the database refused a statement",
    cause: driver,
  });
  const [line] = linesOf((log) => log.error("http.request", { error: fault }));
  expect(line).toMatchObject({
    level: "error",
    error: {
      name: "Fault",
      code: "storage/query-failed",
      message: "the database refused a statement",
      cause: { message: "failed query: select $1", code: "XX000" },
    },
  });
  expect(JSON.stringify(line)).not.toContain("hunter2");
});

test("what is thrown and is no error does not show its value", () => {
  const [line] = linesOf((log) => log.error("http.request", { error: "hunter2" }));
  expect(JSON.stringify(line)).not.toContain("hunter2");
});
