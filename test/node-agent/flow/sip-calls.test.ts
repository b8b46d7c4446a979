import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { boundPorts } from "../../bench/measure/proc.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const backends = 3;
const calls = 30;
/** SIPp has room for more sockets than an ordinary process may open. */
const everywhere = ["-i", "127.0.0.1", "-nostdin", "-max_socket", "500"];

test.for(await bothDrivers())(
  "F-UDP-02 SIPp's calls over UDP all complete, with each call's messages at one of several backends ($driver)",
  async ({ driver, missing }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    const program = await findProgram("sipp");
    if (program === undefined) return skip("sipp is not installed (Debian: sip-tester)");
    const folder = await temporaryFolder(onTestFinished);
    const under = await startPlane({ workers: 2, engine: await engineOf(driver) });
    const answering: number[] = [];
    for (let index = 0; index < backends; index += 1) {
      answering.push(await startAnswering(program, folder));
    }
    const sip = await serve(under, {
      protocol: "udp",
      strategy: "roundrobin",
      limits: { clientIdleTimeout: "60s" },
      backends: answering.map((port) => ({ host: "127.0.0.1", port })),
    });

    // A socket for each call, and so a session: INVITE, ACK and BYE have to meet the same backend.
    const asking = ["-sn", "uac", `127.0.0.1:${sip.port}`, "-p", String(await freePort())];
    const pace = ["-t", "un", "-m", String(calls), "-r", "60", "-d", "100", "-timeout", "60s"];
    const statistics = join(folder, "calls.csv");
    const told = ["-trace_stat", "-stf", statistics, "-fd", "1"];
    const end = await runCommand([program, ...asking, ...pace, ...told, ...everywhere], {
      workingFolder: folder,
    });

    expect(end.code, end.stdout.slice(-2_000)).toBe(0);
    expect(lastOf(statistics)).toMatchObject({ "SuccessfulCall(C)": "30", "FailedCall(C)": "0" });
    for (const port of answering) {
      const { totals } = sip.backend(`127.0.0.1:${port}`);
      expect(totals.connections).toBe(calls / backends);
    }
  },
);

/** SIPp on the other side; its port. */
async function startAnswering(program: string, folder: string): Promise<number> {
  const port = await freePort();
  const command = ["-sn", "uas", "-p", String(port), ...everywhere];
  const child = spawn(program, command, { cwd: folder, stdio: "ignore" });
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const isBound = (): boolean => boundPorts(readFileSync("/proc/net/udp", "utf8")).has(port);
  await eventually(isBound);
  return port;
}

/** The last line of SIPp's statistics, by the names in its first one. */
function lastOf(path: string): Readonly<Record<string, string>> {
  const [names = "", ...lines] = readFileSync(path, "utf8").trim().split("\n");
  const values = lines.at(-1)?.split(";") ?? [];
  return Object.fromEntries(names.split(";").map((name, index) => [name, values[index] ?? ""]));
}
