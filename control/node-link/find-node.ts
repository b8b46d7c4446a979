import { nodeRowsPerWriteMax } from "#shared/base/limits.ts";

import type { KnownNode } from "../node-rows.ts";
import { batched } from "./batched.ts";
import type { NodeStore } from "./node-store.ts";

/** The node with an id; null when there is none. Rejects as storage does. */
export type FindNode = (id: string) => Promise<KnownNode | null>;

/** Looks nodes up; those that are asked for at the same time share a statement. */
export function createFindNode(store: Pick<NodeStore, "nodesById">): FindNode {
  return batched(
    async (ids: readonly string[]) => {
      const found = await store.nodesById([...new Set(ids)]);
      const byId = new Map<string, KnownNode>(found.map((node) => [node.nodeId, node]));
      return ids.map((id) => byId.get(id) ?? null);
    },
    { sizeMax: nodeRowsPerWriteMax },
  );
}
