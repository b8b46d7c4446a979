import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { sweepMs } from "#shared/base/limits.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import type { FlipLog } from "../flip-log.ts";
import type { EndedLink } from "../node-rows.ts";
import type { LinkEvent } from "./link-machine-events.ts";
import type { LinkRegistry } from "./link-registry.ts";
import type { NodeStore } from "./node-store.ts";

export interface LinkSweepDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: Pick<NodeStore, "endedLinks">;
  readonly registry: Pick<LinkRegistry, "newest" | "find">;
  readonly trouble: FlipLog;
}

/**
 * Ends links whose node was retired, or connected to another instance since: every two seconds from
 * now on. Gives what stops it.
 */
export function startLinkSweep(deps: LinkSweepDeps): { readonly stop: () => void } {
  const { clock, random } = deps;
  let stopped = false;
  let timer: Timer;
  const plan = (): Timer =>
    clock.after(jitteredMs(sweepMs, 0.2, random), () => {
      void swept(deps).finally(() => {
        if (!stopped) timer = plan();
      });
    });
  timer = plan();
  return {
    stop: () => {
      stopped = true;
      timer.stop();
    },
  };
}

async function swept({ registry, store, trouble }: LinkSweepDeps): Promise<void> {
  const held = Array.from(registry.newest(), ({ node }) => {
    return { node: node.nodeId, generation: node.generation };
  });
  if (held.length === 0) return;
  try {
    const ended = await store.endedLinks(held);
    trouble.worked("sweep");
    for (const { node, why } of ended) registry.find(node)?.handle(endOf(why));
  } catch (error) {
    trouble.failed("sweep", error);
  }
}

function endOf(why: EndedLink["why"]): LinkEvent {
  return why === "revoked"
    ? { kind: "close", code: closeCodes.revoked, reason: "the node was retired", retry: null }
    : {
        kind: "close",
        code: closeCodes.replaced,
        reason: "the node is connected elsewhere",
        retry: null,
      };
}
