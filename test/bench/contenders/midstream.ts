import { startAgent, joinNode } from "../../support/agent-process.ts";
import type { ControlProcess } from "../../support/control-process.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import type { Cleanup } from "../../support/processes.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import {
  datagramRoutes,
  routes,
  type Contender,
  type DatagramPorts,
  type DatagramRoute,
  type Ports,
  type Route,
  type RunningContender,
  type Setting,
  type Targets,
} from "./contender.ts";
import { listensOn, takesDatagramsOn } from "./program.ts";

export interface MidstreamDeps {
  /** One control plane for all agents of ours; it idles while they are measured. */
  readonly control: ControlProcess;
  readonly relay: "native" | "portable";
  readonly version: string;
  readonly cleanup: Cleanup;
}

/**
 * Our agent as its users run it: a joined node, a process of its own with worker threads, linked to
 * a control plane, with balancers that were defined over the API. The node and its balancers are
 * made once; each start serves them again.
 */
export function midstreamContender(deps: MidstreamDeps): Contender {
  let home: Promise<Home> | undefined;
  return {
    name: deps.relay,
    title: `Midstream ${deps.relay}`,
    role: "ours",
    version: deps.version,
    start: async (setting) => {
      home ??= makeHome(deps, setting);
      return startOurs(deps, await home, setting);
    },
  };
}

/** A tenant with one node and a balancer for each route. */
interface Home {
  readonly tenant: TestTenant;
  readonly dataFolder: string;
  readonly ports: Ports;
  readonly datagramPorts: DatagramPorts;
  readonly balancers: Readonly<Record<Route, string>>;
}

async function makeHome(
  { control, cleanup }: MidstreamDeps,
  { targets, echo }: Setting,
): Promise<Home> {
  const tenant = await signUp(control.url);
  const dataFolder = await joinNode(cleanup, control, tenant);
  const ports: Partial<Record<Route, number>> = {};
  const balancers: Partial<Record<Route, string>> = {};
  for (const route of routes) {
    const port = await freePort();
    const body = definition({ route, port, targets: targets[route] });
    const { id } = await tenant.demand<{ id: string }>("POST", "/v1/balancers", { body });
    ports[route] = port;
    balancers[route] = id;
  }
  const datagramPorts = { sessions: await freePort(), exchanges: await freePort() };
  for (const route of datagramRoutes) {
    const body = datagramDefinition({ route, port: datagramPorts[route], echo });
    await tenant.demand("POST", "/v1/balancers", { body });
  }
  return { tenant, dataFolder, ports: whole(ports), datagramPorts, balancers: whole(balancers) };
}

/** Guarantee: the caller has set every route. */
function whole<Value>(record: Partial<Record<Route, Value>>): Readonly<Record<Route, Value>> {
  return record as Record<Route, Value>;
}

function datagramDefinition(of: {
  readonly route: DatagramRoute;
  readonly port: number;
  readonly echo: number;
}): object {
  return {
    name: of.route,
    protocol: "udp",
    bind: [`127.0.0.1:${of.port}`],
    strategy: "roundrobin",
    discovery: { kind: "static", backends: [{ host: "127.0.0.1", port: of.echo }] },
    healthcheck: { kind: "none" },
    limits: { clientIdleTimeout: "60s" },
    udp: { maxResponses: of.route === "exchanges" ? 1 : 0 },
  };
}

/** No checks, as with the peers; everything else is the API's default. */
function definition(of: {
  readonly route: Route;
  readonly port: number;
  readonly targets: readonly number[];
}): object {
  return {
    name: of.route.toLowerCase(),
    protocol: "tcp",
    bind: [`127.0.0.1:${of.port}`],
    strategy: "roundrobin",
    discovery: {
      kind: "static",
      backends: of.targets.map((port) => ({ host: "127.0.0.1", port })),
    },
    healthcheck: { kind: "none" },
  };
}

async function startOurs(
  deps: MidstreamDeps,
  home: Home,
  setting: Setting,
): Promise<RunningContender> {
  const args = ["--workers", String(setting.workers), "--relay", deps.relay];
  const agent = await startAgent(setting.cleanup, home.dataFolder, args);
  const { ports, datagramPorts } = home;
  await eventually(
    () => listensOn(Object.values(ports)) && takesDatagramsOn(Object.values(datagramPorts)),
  );
  return {
    pid: agent.process.pid,
    ports,
    datagramPorts,
    commandLine: ["node node-agent/main.ts run --data …", ...args].join(" "),
    stop: async () => void (await agent.process.stop()),
    change: (targets) => changeBackends(home, targets),
  };
}

/** Through the API, as a tenant does it; settles when the agent serves it. */
async function changeBackends(home: Home, targets: Targets): Promise<void> {
  for (const route of ["keepAlive", "close"] as const) {
    const path = `/v1/balancers/${home.balancers[route]}`;
    const { headers } = await home.tenant.call("GET", path);
    const body = definition({ route, port: home.ports[route], targets: targets[route] });
    const put = { "if-match": headers.get("etag") ?? "", prefer: "wait=10" };
    await home.tenant.demand("PUT", path, { body, headers: put });
  }
}
