import { chown, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { npmStart, type NpmStart, type NpmStartOptions } from "../support/npm-start.ts";
import { outputOf } from "../support/run-command.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** What `npm start` promises after Ctrl-C, and a little for the look at /proc. */
const endMsMax = 5_000;

interface Places {
  readonly folder: string;
  readonly port: number;
  readonly demoPort: number;
}

async function places(mode?: number): Promise<Places> {
  const folder = join(await temporaryFolder(onTestFinished, mode), "data");
  onTestFinished(() => removeElsewhere(folder));
  return { folder, port: await freePort(), demoPort: await freePort() };
}

/** Where Postgres' user cannot enter, its files lie elsewhere, and a file says where. */
async function removeElsewhere(folder: string): Promise<void> {
  const pointer = join(folder, "control", "postgres-folder");
  const elsewhere = await readFile(pointer, "utf8").catch(() => undefined);
  if (elsewhere !== undefined) await rm(dirname(elsewhere.trim()), { recursive: true });
}

/** Only its owner may enter, as with root's home. */
const privateFolder = 0o700;

function start(where: Places, options: NpmStartOptions = {}): NpmStart {
  const ports = ["--port", String(where.port), "--demo-port", String(where.demoPort)];
  return npmStart(onTestFinished, [...ports, "--data", where.folder], options);
}

/** The commands that it offers, typed as they stand. */
async function typedCommands(output: string): Promise<readonly string[]> {
  const commands = output.split("\n").flatMap((line) => /^ {2}(curl .*)$/.exec(line)?.[1] ?? []);
  return Promise.all(commands.map((command) => outputOf(["sh", "-c", `${command} -sSf`])));
}

const answerOf = async (where: Places): Promise<string> =>
  (await fetch(`http://127.0.0.1:${where.demoPort}/`, { headers: { connection: "close" } })).text();

describe("npm start", () => {
  test("both backends answer in turn, its commands work, Ctrl-C leaves nothing behind, and a second start finds its data again", async ({
    annotate,
  }) => {
    const where = await places(privateFolder);
    const startedMs = performance.now();
    const first = start(where);
    await first.started();
    await annotate(`first start: ${Math.round(performance.now() - startedMs)} ms`, "measured");

    const answers = [await answerOf(where), await answerOf(where), await answerOf(where)];
    expect(new Set(answers.slice(0, 2)).size).toBe(2);
    expect(answers[2]).toBe(answers[0]);
    const typed = await typedCommands(first.output());
    expect(typed).toHaveLength(3);
    expect(typed[0]).toMatch(/demo backend (one|two)/);
    expect(JSON.parse(typed[1] ?? "")).toMatchObject({ nodes: { expected: 1, reporting: 1 } });
    expect(typed[2]).toContain("midstream_balancer_connections_total");

    const tree = first.tree();
    const askedMs = performance.now();
    first.pressCtrlC();
    // npm itself ends by the signal, or with what the script ended with: 0.
    expect([0, null]).toContain((await first.ended).code);
    await eventually(() => expect(tree.left()).toEqual([]), { withinMs: endMsMax, everyMs: 20 });
    const endedMs = performance.now() - askedMs;
    expect(endedMs).toBeLessThan(endMsMax);
    await annotate(`${tree.pids.length} processes gone in ${Math.round(endedMs)} ms`, "measured");

    // On other ports: what was kept must not depend on them.
    const elsewhere = { ...(await places()), folder: where.folder };
    const secondMs = performance.now();
    const second = start(elsewhere);
    await second.started();
    await annotate(`second start: ${Math.round(performance.now() - secondMs)} ms`, "measured");
    const line = (output: string, name: string) =>
      output.split("\n").find((each) => each.trim().startsWith(name));
    for (const name of ["demo key", "node", "demo backends", "tenant"]) {
      expect(line(second.output(), name)).toBe(line(first.output(), name));
    }
    expect(new Set([await answerOf(elsewhere), await answerOf(elsewhere)]).size).toBe(2);
  });

  test("the death of npm ends everything", async () => {
    const npm = start(await places());
    await npm.started();
    const tree = npm.tree();
    npm.killNpm();
    await eventually(() => expect(tree.left()).toEqual([]), { withinMs: endMsMax, everyMs: 20 });
  });

  test("the death of a part ends everything, and says which and why", async () => {
    const where = await places();
    const npm = start(where);
    await npm.started();
    const tree = npm.tree();
    const agent = await outputOf(["pgrep", "--full", `run --data ${where.folder}`]);
    process.kill(Number(agent.trim()), "SIGKILL");
    expect((await npm.ended).code).toBe(1);
    expect(npm.output()).toContain("the agent was ended by SIGKILL");
    await eventually(() => expect(tree.left()).toEqual([]), { withinMs: endMsMax, everyMs: 20 });
  });

  test("a taken port is named with what to type, and nothing is left running", async () => {
    const where = await places();
    const first = start(where);
    await first.started();
    const other = await places();

    const samePort = start({ ...other, port: where.port });
    expect((await samePort.ended).code).toBe(1);
    expect(samePort.output()).toContain(`127.0.0.1:${where.port}, for the control plane, is taken`);
    expect(samePort.output()).toContain("npm start -- --port ");

    const sameDemoPort = start({ ...other, demoPort: where.demoPort });
    expect((await sameDemoPort.ended).code).toBe(1);
    expect(sameDemoPort.output()).toContain(`for the demo balancer, is taken`);
    expect(sameDemoPort.output()).toContain("npm start -- --demo-port ");
  });

  test("an ordinary user needs no rights of root", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "everything else here ran as an ordinary user already");
    const where = await places();
    const nobody = 65_534;
    const home = await temporaryFolder(onTestFinished);
    await chown(home, nobody, nobody);
    const npm = start(
      { ...where, folder: join(home, "data") },
      {
        prefix: ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"],
        environment: { HOME: home },
      },
    );
    await npm.started();
    expect(new Set([await answerOf(where), await answerOf(where)]).size).toBe(2);
  });
});
