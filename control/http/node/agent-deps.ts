import type { Clock } from "#shared/base/clock.ts";
import type { GroupId, IdSource, TenantId } from "#shared/base/ids.ts";
import type { ClaimedRequest } from "#shared/wire/node-authorization.ts";

import type {
  JoiningNode,
  JoinRedemption,
  KnownNode,
  LeavingNode,
  NodeAuthentication,
} from "../../node-rows.ts";
import type { RateLimit, RateLimiter } from "../../rate-limiter.ts";

/** A whole snapshot as a node pulls it. */
export interface PulledSnapshot {
  readonly etag: string;
  /** To be sent one after the other; big ones are shared with other requests. */
  readonly pieces: readonly Uint8Array[];
  readonly encoding: "identity" | "gzip";
}

/** Which snapshot a node asks for: by its root, and at which revision when it says so. */
export interface SnapshotWish {
  readonly root: string;
  readonly at?: { readonly epoch: number; readonly rev: number };
}

/** What the calls of nodes work with. All that asks the database rejects as storage does. */
export interface AgentDeps {
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Whom a node that joins shall trust to sign snapshots; raw public keys, the signer's first. */
  readonly signingKeys: readonly string[];
  readonly redeem: (node: JoiningNode) => Promise<JoinRedemption>;
  /** Retires a node in its own name; without effect when it is retired. */
  readonly retire: (node: LeavingNode) => Promise<void>;
  readonly authenticate: (
    header: string | undefined,
    request: ClaimedRequest,
  ) => Promise<NodeAuthentication>;
  /** A snapshot of the group; undefined when there is none such. */
  readonly snapshot: (
    group: { readonly tenantId: TenantId; readonly groupId: GroupId },
    wish: SnapshotWish,
    reader: { readonly node: KnownNode; readonly acceptsGzip: boolean },
  ) => Promise<PulledSnapshot | undefined>;
  /** Signed requests by address, as far as they are refused. */
  readonly attempts: RateLimiter;
  /** Join attempts of one address. */
  readonly joins: RateLimit;
}
