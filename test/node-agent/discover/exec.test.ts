import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { sourceContract } from "../../contracts/discovery/source-contract.ts";
import { eventually } from "../../support/eventually.ts";
import { isRunning } from "../../support/os-processes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

sourceContract({
  name: "exec",
  emptyAnswer: "fail",
  create: (backends) => {
    const lines = backends.map(({ host, port }) => `${host}:${port}`);
    const command = lines.length === 0 ? ["/bin/true"] : ["/bin/echo", lines.join("\n")];
    return Promise.resolve(sourceOf({ kind: "exec", command }).fetch);
  },
});

/** Runs a shell script, which gets the arguments. */
function script(text: string, ...args: readonly string[]) {
  return { kind: "exec", command: ["/bin/sh", "-c", text, "sh", ...args] };
}

describe("exec discovery", () => {
  test("F-EXE-01 the lines of its output are the backends, its arguments are passed as they are", async () => {
    const answer = await fetchOnce(
      script(
        'for one in "$@"; do echo "$one"; done',
        "10.0.0.1:80 weight=2",
        "b.test:81",
        "$HOME *",
      ),
    );
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80", "b.test:81"]);
    expect(answer).toMatchObject({
      backends: [{ weight: 2 }, {}],
      skipped: { count: 1, detail: expect.stringContaining("$HOME") },
    });
  });

  test("F-EXE-02 an exit code other than 0, a signal, or no such program is a failure", async () => {
    expect(await fetchOnce(script("echo 10.0.0.1:80; exit 3"))).toMatchObject({
      ok: false,
      code: "exit",
      detail: "/bin/sh ended with code 3",
    });
    expect(await fetchOnce(script("kill -9 $$"))).toMatchObject({
      code: "exit",
      detail: "/bin/sh ended with SIGKILL",
    });
    expect(await fetchOnce({ kind: "exec", command: ["/no/such/program"] })).toMatchObject({
      code: "not-started",
      detail: "/no/such/program: ENOENT",
    });
  });

  test("X-EXE-03 when the time is over everything the command started is ended", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const pids = join(folder, "pids");
    const children = `sleep 1000 & echo $! >>${pids}; (sleep 1000 & echo $! >>${pids}; wait) & echo $$ >>${pids}; wait`;
    const abort = new AbortController();
    await writeFile(pids, "");
    const fetched = fetchOnce(script(children), abort.signal);
    const started = await eventually(async () => {
      const found = await pidsIn(pids);
      expect(found.length).toBe(3);
      return found;
    });
    expect(started.every(isRunning)).toBe(true);
    abort.abort();
    expect(await fetched).toMatchObject({ ok: false, code: "aborted" });
    await eventually(() => !started.some(isRunning));
  });

  test("X-EXE-03 output beyond its bound ends the command", async () => {
    expect(await fetchOnce(script("yes 10.0.0.1:80"))).toMatchObject({
      ok: false,
      code: "too-big",
    });
  });

  test("what a command leaves behind is ended with it, also when it holds the output open", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const pids = join(folder, "pids");
    const answer = await fetchOnce(script(`sleep 1000 & echo $! >${pids}; echo 10.0.0.1:80`));
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80"]);
    const left = await pidsIn(pids);
    expect(left.length).toBe(1);
    await eventually(() => !left.some(isRunning));
  });

  test("a process that leaves the group and holds the output open hangs nobody", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const pids = join(folder, "pids");
    const abort = new AbortController();
    const fetched = fetchOnce(
      script(`setsid sh -c 'echo $$ >${pids}; exec sleep 1000' & sleep 0.2; echo a:1`),
      abort.signal,
    );
    const left = await eventually(async () => {
      const found = await pidsIn(pids);
      expect(found.length).toBe(1);
      return found;
    });
    onTestFinished(() => {
      for (const pid of left.filter(isRunning)) process.kill(pid, "SIGKILL");
    });
    abort.abort();
    expect(await fetched).toMatchObject({ ok: false });
  });

  test("a command gets nothing of the agent's environment but a fixed PATH", async () => {
    const folder = await temporaryFolder(onTestFinished);
    await fetchOnce(script(`/usr/bin/env >${join(folder, "env")}; pwd >>${join(folder, "env")}`));

    const lines = (await readFile(join(folder, "env"), "utf8")).trim().split("\n");
    const names = lines.map((line) => line.split("=")[0] ?? "");
    // What a shell sets by itself.
    expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name))).toEqual([
      "PATH",
      "/",
    ]);
  });
});

async function pidsIn(file: string): Promise<readonly number[]> {
  const text = await readFile(file, "utf8");
  return text.trim().split("\n").filter(Boolean).map(Number);
}
