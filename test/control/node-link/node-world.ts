import { onTestFinished } from "vitest";

import { eventually } from "../../support/eventually.ts";
import {
  nodeControl,
  type NodeControl,
  type NodeControlOptions,
} from "../../support/node-control.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import {
  joinSimulated,
  SimulatedNode,
  type SimulatedNodeOptions,
} from "../../support/simulated-node.ts";
import { tenantRows, type TenantRows } from "../../support/tenant-rows.ts";

/** A control plane in this process with a tenant; nodes can be had. */
export interface NodeWorld {
  readonly db: TestDatabase;
  readonly tenant: TenantRows;
  readonly control: NodeControl;
  /** A node that joined and is not connected yet. */
  readonly node: (options?: Partial<SimulatedNodeOptions>) => Promise<SimulatedNode>;
}

/** Starts one with a database of its own; all of it is gone after the test. */
export async function nodeWorld(options: NodeControlOptions = {}): Promise<NodeWorld> {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const tenant = await tenantRows(db.sql, { doorbell: options.doorbell ?? true });
  const control = await nodeControl(onTestFinished, db, options);
  return {
    db,
    tenant,
    control,
    node: async (over = {}) => {
      const identity = await joinSimulated(control.url, await tenant.joinToken());
      const node = new SimulatedNode({ identity, url: control.url, ...over });
      onTestFinished(() => node.drop());
      return node;
    },
  };
}

/** Waits until a node serves a revision. */
export async function serves(node: SimulatedNode, rev: number): Promise<void> {
  await eventually(() => node.running?.rev === rev, { everyMs: 2 });
}
