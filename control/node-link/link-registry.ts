import type { NodeId, TenantId } from "#shared/base/ids.ts";
import { linkTicksPerSecond } from "#shared/base/limits.ts";
import type { Version } from "#shared/snapshot/version.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import type { GroupWatch } from "../publish/desired-versions.ts";
import { groupText, type GroupKey } from "../publish/group-key.ts";
import type { Publisher } from "../publish/publisher.ts";
import { FanOut } from "./fan-out.ts";
import type { NodeLink } from "./node-link.ts";

/** The links of one group, and what tells them of a new version. */
interface LinkedGroup {
  readonly links: Set<NodeLink>;
  readonly watch: GroupWatch;
}

/**
 * The links of this process, by node and by group. A group is followed for as long as it has a link.
 */
export class LinkRegistry {
  readonly #publisher: Publisher;
  readonly #byNode = new Map<NodeId, NodeLink>();
  readonly #byTenant = new Map<TenantId, number>();
  readonly #all = new Set<NodeLink>();
  readonly #groups = new Map<string, LinkedGroup>();
  readonly #fanOut = new FanOut<NodeLink>();
  readonly #slots: readonly Set<NodeLink>[] = Array.from(
    { length: linkTicksPerSecond },
    () => new Set<NodeLink>(),
  );
  #turn = 0;

  constructor(publisher: Publisher) {
    this.#publisher = publisher;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Links of one tenant. */
  countOf(tenant: TenantId): number {
    return this.#byTenant.get(tenant) ?? 0;
  }

  has(node: NodeId): boolean {
    return this.#byNode.has(node);
  }

  /** The newest link of each node. */
  newest(): Iterable<NodeLink> {
    return this.#byNode.values();
  }

  find(node: NodeId): NodeLink | undefined {
    return this.#byNode.get(node);
  }

  /** Settles when it is known what the group shall run, or that it cannot be known now. */
  ready(key: GroupKey): Promise<void> {
    return this.#groupOf(key).watch.ready;
  }

  /** A link that just opened. Of two links of one node the newer generation stays. */
  add(link: NodeLink): void {
    const { nodeId, key, generation } = link.node;
    this.#all.add(link);
    this.#byTenant.set(key.tenantId, this.countOf(key.tenantId) + 1);
    this.#slots[this.#all.size % linkTicksPerSecond]?.add(link);
    this.#groupOf(key).links.add(link);
    const other = this.#byNode.get(nodeId);
    const older = other !== undefined && other.node.generation > generation ? link : other;
    if (older !== link) this.#byNode.set(nodeId, link);
    older?.handle({
      kind: "close",
      code: closeCodes.replaced,
      reason: "a newer link of this node is open",
      retry: null,
    });
  }

  /** A link whose carrier is gone. */
  remove(link: NodeLink): void {
    const { nodeId, key } = link.node;
    if (!this.#all.delete(link)) return;
    const others = this.countOf(key.tenantId) - 1;
    if (others > 0) this.#byTenant.set(key.tenantId, others);
    else this.#byTenant.delete(key.tenantId);
    for (const slot of this.#slots) slot.delete(link);
    if (this.#byNode.get(nodeId) === link) this.#byNode.delete(nodeId);
    this.#groups.get(groupText(key))?.links.delete(link);
    this.release(key);
  }

  /** Stops following a group that has no link. */
  release(key: GroupKey): void {
    const text = groupText(key);
    const group = this.#groups.get(text);
    if (group === undefined || group.links.size > 0) return;
    group.watch.stop();
    this.#groups.delete(text);
  }

  /** Lets time pass for some of the links; called `linkTicksPerSecond` times a second. */
  tick(): void {
    this.#turn = (this.#turn + 1) % linkTicksPerSecond;
    for (const link of this.#slots[this.#turn] ?? []) link.tick();
  }

  /** Visits every link, a few in a turn. */
  visitAll(name: string, visit: (link: NodeLink) => void): void {
    this.#fanOut.start(name, this.#all, visit);
  }

  #groupOf(key: GroupKey): LinkedGroup {
    const text = groupText(key);
    const known = this.#groups.get(text);
    if (known !== undefined) return known;
    const links = new Set<NodeLink>();
    const onDesired = (version: Version): void => {
      this.#fanOut.start(text, links, (link) => link.handle({ kind: "desired", version }));
    };
    const group = { links, watch: this.#publisher.watch(key, onDesired) };
    this.#groups.set(text, group);
    return group;
  }
}
