import { expect, test } from "vitest";

import { contenderNames } from "./contenders/contender-names.ts";
import { readOptions } from "./options.ts";
import { rowNames } from "./rows/row-names.ts";

test("without options: five rounds of two seconds, one thread, all rows, everybody, nothing written", () => {
  expect(readOptions([])).toEqual({
    kind: "run",
    options: {
      rounds: 5,
      seconds: 2,
      workers: 1,
      idleConnections: 8_000,
      rows: rowNames,
      contenders: contenderNames,
      pin: undefined,
      note: undefined,
      write: false,
    },
  });
});

test("--quick is one round of one second, and what else is given wins", () => {
  const command = readOptions(["--quick", "--seconds", "3", "--contenders", "portable, limit"]);
  expect(command).toMatchObject({
    options: { rounds: 1, seconds: 3, idleConnections: 500, contenders: ["portable", "limit"] },
  });
});

test("all problems come at once", () => {
  const command = readOptions([
    "--rounds",
    "0",
    "--workers",
    "x",
    "--rows",
    "bulk-up,sideways",
    "--contenders",
    "squid",
  ]);
  expect(command).toEqual({
    kind: "invalid",
    problems: [
      "--rounds: a number from 1 on",
      "--workers: a number from 1 on",
      "--rows: sideways is not known",
      "--contenders: squid is not known",
    ],
  });
  expect(readOptions(["--fast"])).toMatchObject({ kind: "invalid" });
});
