import type { ClaimedLink, EndedLink, KnownNode, LinkClaim } from "../node-rows.ts";

/** Where nodes and their generations are kept. Each rejects as storage does. */
export interface NodeStore {
  readonly nodesById: (ids: readonly string[]) => Promise<readonly KnownNode[]>;
  readonly claimLinks: (
    claims: readonly LinkClaim[],
    bootsMax: number,
  ) => Promise<readonly ClaimedLink[]>;
  /** Which of these links are over. */
  readonly endedLinks: (held: readonly LinkClaim[]) => Promise<readonly EndedLink[]>;
}
