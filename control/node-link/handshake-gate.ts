import type { Clock } from "#shared/base/clock.ts";
import type { NodeId, TenantId } from "#shared/base/ids.ts";
import {
  handshakeBurstMax,
  handshakesPendingMax,
  handshakesPerSecondMax,
  linksPerInstanceMax,
  linksPerTenantMax,
  nodeHandshakeBurstMax,
  nodeHandshakesPerSecondMax,
} from "#shared/base/limits.ts";
import { fullBucket, refilled, type Bucket, type Rate } from "#shared/base/token-bucket.ts";

import type { KnownNode } from "../node-rows.ts";
import { RateLimiter } from "../rate-limiter.ts";
import type { UpgradeRefusal } from "./upgrade-answer.ts";

const handshakeRate: Rate = { burst: handshakeBurstMax, perSecond: handshakesPerSecondMax };
const nodeRate = {
  name: "node-handshakes",
  burst: nodeHandshakeBurstMax,
  perSecond: nodeHandshakesPerSecondMax,
};

/** Refused nodes come back within so many seconds, each at its own time. */
const retryAfterSpreadS = 5;

export interface HandshakeGateDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Attempts by address; those that are verified are given back. */
  readonly attempts: RateLimiter;
  readonly links: OpenLinks;
}

/** The links that count against the limits. */
export interface OpenLinks {
  readonly size: number;
  countOf(tenant: TenantId): number;
  /** Whether the node has a link, which another one would replace. */
  has(node: NodeId): boolean;
}

/** One handshake on its way through the gate. */
export interface Visit {
  /** The signature is the node's: whether it may have a link now; undefined when it may. */
  verified(node: KnownNode): UpgradeRefusal | undefined;
  /** Nobody could tell whose it is: it counts against no address. */
  undecided(): void;
  /** It became a link, or was refused. */
  leave(): void;
}

/**
 * Decides how many handshakes there may be.
 *
 * INVARIANT: what an attempt takes away before its signature is verified, it takes from its own
 * address only. What all nodes share is charged afterwards: no stranger can use it up.
 */
export class HandshakeGate {
  readonly #deps: HandshakeGateDeps;
  readonly #perNode: RateLimiter;
  readonly #tenants = new Map<TenantId, number>();
  #handshakes: Bucket;
  #pending = 0;
  #verified = 0;

  constructor(deps: HandshakeGateDeps) {
    this.#deps = deps;
    this.#perNode = new RateLimiter(deps.clock, nodeRate);
    this.#handshakes = fullBucket(handshakeRate, deps.clock.monotonicMs());
  }

  /** Lets a handshake of this address in, or says why not. */
  enter(address: string): Visit | UpgradeRefusal {
    const { attempts } = this.#deps;
    const { allowed, retryAfterS } = attempts.take(address);
    if (!allowed) return tooMany("too many attempts from this address", retryAfterS);
    if (this.#pending >= handshakesPendingMax) {
      attempts.giveBack(address);
      return this.tryLater("http/busy", "too many nodes connect at the same time");
    }
    this.#pending += 1;
    return this.#visit(address);
  }

  /** 503, with a time to come back that is not everybody's. */
  tryLater(code: string, detail: string): UpgradeRefusal {
    const seconds = 1 + Math.floor(this.#deps.random() * retryAfterSpreadS);
    return { status: 503, code, detail, headers: { "Retry-After": String(seconds) } };
  }

  #visit(address: string): Visit {
    const { attempts } = this.#deps;
    let tenant: TenantId | undefined;
    return {
      verified: (node) => {
        attempts.giveBack(address);
        const refusal = this.#refusal(node);
        if (refusal !== undefined) return refusal;
        tenant = node.tenantId;
        this.#verified += 1;
        this.#tenants.set(tenant, this.#pendingOf(tenant) + 1);
        return undefined;
      },
      undecided: () => attempts.giveBack(address),
      leave: () => {
        this.#pending -= 1;
        if (tenant !== undefined) this.#left(tenant);
      },
    };
  }

  #refusal(node: KnownNode): UpgradeRefusal | undefined {
    const { links } = this.#deps;
    // A link in place of the node's older one takes no room.
    if (!links.has(node.nodeId)) {
      if (links.size + this.#verified >= linksPerInstanceMax) {
        return this.tryLater("http/busy", "no more links are taken here now");
      }
      if (links.countOf(node.tenantId) + this.#pendingOf(node.tenantId) >= linksPerTenantMax) {
        const detail = `the tenant has ${linksPerTenantMax} links here, which is the most`;
        return this.tryLater("http/link-limit-reached", detail);
      }
    }
    const { allowed, retryAfterS } = this.#perNode.take(node.nodeId);
    if (!allowed) return tooMany("this node connects too often", retryAfterS);
    return this.#takeTurn()
      ? undefined
      : this.tryLater("http/busy", "too many nodes connect at the same time");
  }

  #takeTurn(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const { tokens, atMs } = refilled(this.#handshakes, handshakeRate, nowMs);
    this.#handshakes = { tokens: Math.max(0, tokens - 1), atMs };
    return tokens >= 1;
  }

  #pendingOf(tenant: TenantId): number {
    return this.#tenants.get(tenant) ?? 0;
  }

  #left(tenant: TenantId): void {
    this.#verified -= 1;
    const left = this.#pendingOf(tenant) - 1;
    if (left > 0) this.#tenants.set(tenant, left);
    else this.#tenants.delete(tenant);
  }
}

function tooMany(detail: string, retryAfterS: number): UpgradeRefusal {
  const headers = { "Retry-After": String(retryAfterS) };
  return { status: 429, code: "http/too-many-requests", detail, headers };
}
