import { expect, onTestFinished, test, vi } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { handOver, type HandingParts } from "../../../node-agent/cli/hand-over.ts";
import { restartProcess } from "../../../node-agent/cli/restart-process.ts";
import { createRestarts } from "../../../node-agent/cli/restarts.ts";
import type { Agent } from "../../../node-agent/cli/start-agent.ts";
import {
  openRestartSocket,
  type RestartOutcome,
} from "../../../node-agent/handover/restart-socket.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("a successor that cannot even be started leaves the agent as it was: changes are taken again", async () => {
  let held = 0;
  const hold = (): Promise<() => void> => {
    held += 1;
    return Promise.resolve(() => void (held -= 1));
  };

  const outcome = await handOver(
    partsWith(hold, () => {
      throw new Error("spawn EAGAIN");
    }),
  );

  expect(outcome).toEqual({
    kind: "failed",
    why: "the new process could not be started: spawn EAGAIN",
  });
  await eventually(() => held === 0);
});

test("a handover that broke is told as what it is, and ends the agent", async () => {
  const failures: string[] = [];
  const restarts = createRestarts({
    clock: systemClock(),
    log: silentLog(),
    obstacle: () => undefined,
    handOver: () => Promise.resolve({ kind: "broken", why: "the new process has ended" }),
    onFailed: (why) => failures.push(why),
  });
  expect(await restarts.ask()).toEqual({ kind: "broken", why: "the new process has ended" });
  expect(await restarts.left).toEqual({ kind: "broken" });
  expect(failures).toEqual([]);
});

test.each<[RestartOutcome, string]>([
  [{ kind: "refused", why: "it is not up yet" }, "not restarted: it is not up yet"],
  [{ kind: "failed", why: "no" }, "the restart failed, nothing changed: no"],
  [
    { kind: "broken", why: "no" },
    "the restart broke, and the agent ends for its supervisor to start: no",
  ],
])("whoever asked for a restart hears how it went: %j", async (outcome, said) => {
  const folder = await temporaryFolder(onTestFinished);
  const socket = await openRestartSocket(folder, () => Promise.resolve(outcome));
  onTestFinished(() => socket.stop());
  const spoken = vi.spyOn(console, "error").mockImplementation(() => undefined);
  onTestFinished(() => {
    spoken.mockRestore();
  });
  expect(await restartProcess(folder)).toBe(1);
  expect(spoken.mock.calls.flat().join("\n")).toContain(said);
});

/** An agent that runs nothing; a handover that ends before there is a successor asks no more of it. */
function partsWith(
  hold: () => Promise<() => void>,
  startSuccessor: HandingParts["startSuccessor"],
): HandingParts {
  const agent = {
    intake: { hold },
    sourceMemory: { hold },
    applier: { hold, view: () => ({ version: null, running: new Map() }) },
    store: { ended: () => Promise.resolve() },
    dataPlane: { addresses: () => Promise.resolve([]), beliefs: () => ({}) },
    succession: { handovers: 0 },
  } as unknown as Agent;
  return {
    clock: systemClock(),
    agent,
    folder: { name: "folder", descriptor: () => undefined, stop: () => undefined },
    admin: undefined,
    restartSocket: { name: "restart socket", stop: () => undefined },
    startSuccessor,
    stopAsked: new Promise(() => undefined),
  };
}
