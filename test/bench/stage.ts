import { join } from "node:path";

import { startControl } from "../support/control-process.ts";
import type { Cleanup } from "../support/processes.ts";
import { startBackends, type Backends } from "./backends/backends.ts";
import { findContenders, type Found } from "./contenders/find-contenders.ts";
import type { Seat } from "./contenders/seat.ts";
import { loadTools, type Built, type LoadTools } from "./load/load-tools.ts";
import { raiseDescriptors } from "./measure/descriptors.ts";
import type { BenchOptions } from "./options.ts";
import type { Raw } from "./raw.ts";
import { takeSeats } from "./seats.ts";

/** Everything that runs before the first measurement. */
export interface Stage {
  readonly backends: Backends;
  readonly tools: LoadTools;
  readonly seats: readonly Seat[];
  readonly descriptors: number;
  /** Who could not take part, and why. */
  readonly notes: readonly string[];
}

export interface StageDeps {
  readonly options: BenchOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly raw: Raw;
  readonly cleanup: Cleanup;
}

/** Builds what is in C, starts the backends, and everybody who takes part. */
export async function setStage(deps: StageDeps): Promise<Stage> {
  const { options, raw, cleanup } = deps;
  const descriptors = await raiseDescriptors();
  const built = await loadTools(raw.folder);
  const { echo, tools } = built;
  const { iperf3 } = tools;
  const folder = raw.subfolder("backends");
  const backends = await startBackends({ cleanup, folder, iperf3, echo });
  const found = await findWanted(deps, built);
  const { targets, echo: echoPort } = backends;
  const same = { workers: options.workers, descriptors, targets, echo: echoPort, cleanup };
  const { seats, notes } = await takeSeats(
    {
      pin: options.pin,
      hasEcho: echo !== undefined,
      settingOf: ({ name }) => ({ ...same, folder: raw.subfolder(join("contenders", name)) }),
    },
    found.contenders,
  );
  return { backends, tools, seats, descriptors, notes: [...found.absent, ...notes] };
}

async function findWanted(deps: StageDeps, { limit }: Built): Promise<Found> {
  const { options, environment, cleanup } = deps;
  const isWanted = (name: string): boolean => options.contenders.includes(name);
  const needsControl = isWanted("native") || isWanted("portable");
  const control = needsControl
    ? await startControl(cleanup, { args: ["--log-level", "warn"] })
    : undefined;
  return findContenders({ control, environment, limit, cleanup, isWanted });
}
