import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { LogFile } from "../../../infra/local/log-file.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("a log keeps what a child prints, for its owner's eyes, and its last lines at hand", async () => {
  const path = join(await temporaryFolder(onTestFinished), "logs", "child.log");
  const log = new LogFile(path);
  log.write(Buffer.from("one\ntwo\nthree\n"));
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\nthree\n");
  expect(log.tail(2)).toBe("two\nthree");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a log never holds more than two files of ten megabytes", async () => {
  const path = join(await temporaryFolder(onTestFinished), "child.log");
  const log = new LogFile(path);
  const megabyte = Buffer.alloc(1024 * 1024, "x");
  for (let written = 0; written < 25; written += 1) log.write(megabyte);
  expect(statSync(path).size).toBe(5 * megabyte.length);
  expect(statSync(`${path}.1`).size).toBe(10 * megabyte.length);
});

test("a log goes on where the last start left it", async () => {
  const path = join(await temporaryFolder(onTestFinished), "child.log");
  new LogFile(path).write(Buffer.from("first\n"));
  new LogFile(path).write(Buffer.from("second\n"));
  expect(readFileSync(path, "utf8")).toBe("first\nsecond\n");
});
