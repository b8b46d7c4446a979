import { access, constants, lstat } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";

import { systemErrorCode } from "#shared/base/fault.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { parseBind } from "#shared/definition/bind.ts";
import type { PlanProblem } from "#shared/wire/plan.ts";

import type { BalancerStatus } from "./balancer-status.ts";
import { bindsOverlap } from "./bind-obstacles.ts";
import { bindProblem } from "./bind-problem.ts";
import type { DataPlane } from "./data-plane.ts";

export interface PlannedBinds {
  /** The balancer that it would be; null for one that does not exist yet. */
  readonly balancer: string | null;
  readonly definition: Balancer;
}

/**
 * Which binds a balancer could not have: what it has itself is its own, what another balancer of this
 * node has is not. Takes nothing, and leaves files as they are.
 */
export async function plannedBinds(
  dataPlane: Pick<DataPlane, "obstacles" | "status">,
  { balancer, definition }: PlannedBinds,
): Promise<readonly PlanProblem[]> {
  const serving = dataPlane.status().filter(({ phase }) => phase === "serving");
  const others = serving.filter(({ id }) => id !== balancer);
  const own = serving.filter(({ id }) => id === balancer);
  const { protocol } = definition;
  const found = await Promise.all(
    definition.bind.map(async (text, index): Promise<readonly PlanProblem[]> => {
      const pointer = `/bind/${index}`;
      const wish = { bind: [text], protocol };
      const isMet = ({ binds: bind, protocol: spoken }: BalancerStatus): boolean =>
        bindsOverlap({ bind, protocol: spoken }, wish);
      const holder = others.find(isMet);
      if (holder !== undefined) return [heldBy(holder.name, text, pointer)];
      if (own.some(isMet)) return [];
      const bind = parseBind(text);
      if (bind.kind === "unix") return unixObstacle(bind.path, text, pointer);
      const alone = { ...definition, bind: [text] };
      const asked = { id: "", hash: "", definition: alone, secrets: new Map() };
      const obstacles = await dataPlane.obstacles(asked);
      return obstacles.map((obstacle) => ({ ...obstacle, pointer }));
    }),
  );
  return found.flat();
}

function heldBy(name: string, text: string, pointer: string): PlanProblem {
  const detail = `${text}: the balancer ${name} listens there on this node`;
  return { pointer, code: "EADDRINUSE", detail };
}

/** Looked at from outside: listening there for a moment would leave a file, or take one away. */
async function unixObstacle(
  path: string,
  text: string,
  pointer: string,
): Promise<readonly PlanProblem[]> {
  const file = await lstat(path).catch(() => undefined);
  const isTaken =
    file !== undefined && (!file.isSocket() || (await connectCode(path)) !== "ECONNREFUSED");
  if (isTaken) {
    return [bindProblem({ text, pointer, outcome: { code: "EADDRINUSE", detail: "" } })];
  }
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    const code = systemErrorCode(error) ?? "EACCES";
    const detail = `${text}: this agent cannot make a file there`;
    return [{ pointer, code, detail }];
  }
}

function connectCode(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error) => resolve(systemErrorCode(error)));
  });
}
