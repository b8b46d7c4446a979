import { onTestFinished } from "vitest";

import { systemClock, type Clock } from "#shared/base/clock.ts";
import type { Backend } from "#shared/definition/backend.ts";
import type { BalancerInput } from "#shared/definition/balancer.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { FlowOutcome, VerifiedBalancer } from "../../node-agent/apply/flows.ts";
import type { StoredCertificates } from "../../node-agent/certificates/stored-certificates.ts";
import { createAddressClaims, type AddressClaims } from "../../node-agent/engine/address-claims.ts";
import { chooseEngine, type EngineChoice } from "../../node-agent/engine/choose-engine.ts";
import type { BackendStatus, BalancerStatus } from "../../node-agent/flow/balancer-status.ts";
import { createDataPlane } from "../../node-agent/flow/create-data-plane.ts";
import type { DataPlaneEvent } from "../../node-agent/flow/data-plane-event.ts";
import type { DataPlane } from "../../node-agent/flow/data-plane.ts";
import type { SpawnWorker } from "../../node-agent/flow/spawn-thread.ts";
import type { AccessLog } from "../../node-agent/runtime/access-log.ts";
import { freePort } from "./free-port.ts";
import { quietLog, type QuietLog } from "./quiet-log.ts";

export interface PlaneOptions {
  readonly workers?: number;
  /** What the agent itself would choose here, unless given. */
  readonly engine?: EngineChoice;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly spawn?: SpawnWorker;
  readonly claims?: AddressClaims;
  readonly accessLog?: AccessLog;
  readonly storedCertificates?: StoredCertificates;
}

/** A data plane and what it told. */
export interface PlaneUnderTest {
  readonly plane: DataPlane;
  readonly events: readonly DataPlaneEvent[];
  readonly log: QuietLog;
  ofKind<Kind extends DataPlaneEvent["kind"]>(
    kind: Kind,
  ): readonly Extract<DataPlaneEvent, { kind: Kind }>[];
}

/** A real data plane with real worker threads, stopped at the end of the test. */
export async function startPlane(options: PlaneOptions = {}): Promise<PlaneUnderTest> {
  const events: DataPlaneEvent[] = [];
  const log = quietLog();
  const { spawn, accessLog, storedCertificates } = options;
  const plane = await createDataPlane({
    clock: options.clock ?? systemClock(),
    random: options.random ?? Math.random,
    log,
    claims: options.claims ?? createAddressClaims(process.platform),
    workers: options.workers ?? 1,
    engine: options.engine ?? chosenHere(),
    ...(spawn === undefined ? {} : { spawn }),
    ...(accessLog === undefined ? {} : { accessLog }),
    ...(storedCertificates === undefined ? {} : { storedCertificates }),
  });
  onTestFinished(() => plane.stop());
  plane.onEvent((event) => events.push(event));
  return {
    plane,
    events,
    log,
    ofKind: (kind) =>
      events.filter(
        (event): event is Extract<DataPlaneEvent, { kind: typeof kind }> => event.kind === kind,
      ),
  };
}

function chosenHere(): EngineChoice {
  const chosen = chooseEngine(undefined);
  return chosen.ok ? chosen.choice : { driver: "portable" };
}

/** What a balancer under test differs in; everything else has a definition's defaults, without checks. */
export type Given = Partial<BalancerInput> & {
  readonly backends?: readonly BackendGiven[];
  readonly id?: string;
};

/** A line, or the fields of a backend; a fake backend's other properties are left out. */
type BackendGiven = string | (Pick<Backend, "host" | "port"> & Partial<Backend>);

let balancers = 0;

/** A definition that has passed the check, as apply hands it in. */
export function verified(given: Given & { readonly bind: string[] }): VerifiedBalancer {
  const { backends = [], id, ...rest } = given;
  balancers += 1;
  const checked = checkBalancer({
    name: "web",
    healthcheck: { kind: "none" },
    discovery: { kind: "static", backends: backends.map(backendInput) },
    ...rest,
  });
  if (!checked.ok) throw new Error(`not a balancer: ${JSON.stringify(checked.problems)}`);
  return {
    id: id ?? `bal_${balancers}`,
    hash: `${balancers}`,
    definition: checked.value,
    secrets: new Map(),
  };
}

function backendInput(given: BackendGiven): string | Partial<Backend> {
  if (typeof given === "string") return given;
  const fields = [
    "host",
    "port",
    "weight",
    "priority",
    "maxConnections",
    "sni",
    "alpn",
    "proxyProtocol",
  ] as const;
  return Object.fromEntries(
    fields.filter((field) => given[field] !== undefined).map((field) => [field, given[field]]),
  );
}

export interface Serving {
  readonly id: string;
  readonly port: number;
  readonly bind: string;
  /** The same balancer with other settings. */
  update(given: Given): Promise<FlowOutcome>;
  status(): BalancerStatus;
  backend(name: string): BackendStatus;
}

/** Starts a balancer on a free port of loopback. */
export async function serve({ plane }: PlaneUnderTest, given: Given): Promise<Serving> {
  const port = await freePort();
  const bind = `127.0.0.1:${port}`;
  const balancer = verified({ bind: [bind], ...given });
  const outcome = await plane.start(balancer);
  if (!outcome.ok) throw new Error(`did not start: ${JSON.stringify(outcome.problems)}`);
  const { id } = balancer;
  const status = (): BalancerStatus => {
    const found = plane.status().find((one) => one.id === id);
    if (found === undefined) throw new Error(`${id} does not run`);
    return found;
  };
  return {
    id,
    port,
    bind,
    update: (changed) => plane.update(verified({ bind: [bind], ...changed, id })),
    status,
    backend: (name) => {
      const found = status().backends.find((one) => one.name === name);
      if (found === undefined) throw new Error(`${id} has no backend ${name}`);
      return found;
    },
  };
}
