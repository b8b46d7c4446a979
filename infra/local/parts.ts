import { join } from "node:path";

import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { Lifetime } from "#shared/base/lifetime.ts";

import { endText, startChild, type Child } from "./child.ts";
import type { EndingWatch } from "./ending.ts";
import { LogFile } from "./log-file.ts";

/** The folder that this checkout lies in. */
const repository = join(import.meta.dirname, "..", "..");

export interface PartSpec {
  readonly name: string;
  /** Name of its log, without folder and ending. */
  readonly log: string;
  /** File and arguments; the file is relative to the checkout. */
  readonly command: readonly string[];
  readonly stopMsMax: number;
}

export interface PartsDeps {
  readonly clock: Clock;
  readonly life: Lifetime;
  readonly ending: EndingWatch;
  readonly dataFolder: string;
}

/**
 * Starts a part that runs until the end of all; its own end is the end of all.
 *
 * @throws the ending's reason when everything is ending already.
 */
export function startPart(deps: PartsDeps, spec: PartSpec): Child {
  const child = startOwned(deps, spec);
  deps.ending.watch(child);
  return child;
}

/**
 * Runs a part that does its work and ends.
 *
 * @throws Fault `local/child-ended` when it ends with anything but code 0.
 */
export async function runPart(deps: PartsDeps, spec: PartSpec): Promise<void> {
  const end = await startOwned(deps, spec).ended;
  if (end.code === 0) return;
  throw new Fault({ code: "local/child-ended", owner: "platform", message: endText(end) });
}

/** Settings of whoever calls npm start are not meant for its parts: theirs stand on their command lines. */
function partEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env);
  return Object.fromEntries(
    entries.filter(([name]) => name !== "DATABASE_URL" && !name.startsWith("MIDSTREAM_")),
  );
}

function startOwned(deps: PartsDeps, spec: PartSpec): Child {
  deps.ending.signal.throwIfAborted();
  const [file = "", ...args] = spec.command;
  const child = startChild(deps.clock, {
    name: spec.name,
    command: [join(repository, file), ...args],
    workingFolder: repository,
    environment: partEnvironment(),
    log: new LogFile(join(deps.dataFolder, "logs", `${spec.log}.log`)),
    stopMsMax: spec.stopMsMax,
  });
  return deps.life.own(child);
}
