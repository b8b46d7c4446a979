import { beforeAll, expect, onTestFinished, test, type TestContext } from "vitest";

import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { startConsul, type ConsulSearch } from "../../support/consul.ts";
import { startPlane } from "../../support/data-plane.ts";
import { startDns } from "../../support/dns-server.ts";
import { findDocker, type DockerSearch } from "../../support/docker.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { startLxd, type LxdSearch } from "../../support/lxd.ts";
import { importSleepingImage } from "../../support/sleeping-image.ts";
import { steadyClients } from "../../support/steady-clients.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";

// Each source is a real one, and what it names is a real container or record. Their networks are not
// this host's, so each is published at a loopback port at which a backend of the test listens: that
// one goes on listening when the container has ended, and so counts what should not come any more.

type Json = Readonly<Record<string, unknown>>;

/** Something that a source names from when it is started until it is stopped. */
interface Followed {
  readonly discovery: Json;
  /** Done when the source's own system says so. */
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
}

interface Ports {
  /** Where the backend listens that is followed. */
  readonly port: number;
  readonly steadyPort: number;
}

type Follow = (context: TestContext, ports: Ports) => Promise<Followed>;

/** How soon a change has to show in the traffic. */
const promisedMs = 1_000;
/** The host may be busy with something else for a while: one of so many changes has to be in time. */
const rounds = 3;
const clientsPerSecond = 100;
const ttlMs = 1_000;

const cleanup = suiteCleanup();
let docker: DockerSearch;
let image = "";
let consul: ConsulSearch;
let lxd: LxdSearch;

beforeAll(async () => {
  docker = await findDocker(cleanup, "own");
  if (docker.kind === "found") image = await importSleepingImage(cleanup, docker.docker);
  consul = await startConsul(cleanup);
  lxd = await startLxd(cleanup);
}, 300_000);

/** Longer than a test takes: nothing but the stream of events can be what shows a change. */
const byEvents = { interval: "1h" };

async function container(context: TestContext, { port }: Ports): Promise<Followed> {
  if (docker.kind === "none") return context.skip(docker.why);
  const daemon = docker.docker;
  const options = ["--label", "role=web", "--publish", `127.0.0.1:${port}:80`];
  const id = (await daemon.run(["create", ...options, image])).trim();
  onTestFinished(async () => {
    await daemon.run(["rm", "--force", id]);
  });
  const { endpoint } = daemon;
  const which = { containerLabel: "role=web", containerPrivatePort: 80 };
  return {
    discovery: { kind: "docker", endpoint, ...which, ...byEvents },
    start: () => daemon.run(["start", id]),
    stop: async () => {
      await daemon.run(["kill", id]);
      await daemon.run(["wait", id]);
    },
  };
}

async function service(context: TestContext, { port }: Ports): Promise<Followed> {
  if (consul.kind === "none") return context.skip(consul.why);
  const agent = consul.consul;
  // One of its own: a try that failed may have left one.
  const name = `web-${port}`;
  const body = { ID: name, Name: name, Port: port, Address: "127.0.0.1" };
  return {
    discovery: { kind: "consul", host: agent.address, serviceName: name, ...byEvents },
    start: () => agent.call("PUT", "/v1/agent/service/register", body),
    stop: () => agent.call("PUT", `/v1/agent/service/deregister/${name}`),
  };
}

async function instance(context: TestContext, { port }: Ports): Promise<Followed> {
  if (lxd.kind === "none") return context.skip(lxd.why);
  const daemon = lxd.lxd;
  onTestFinished(async () => {
    await daemon.run(["delete", "--force", "web"]);
  });
  await daemon.launch("web", { config: [`user.port=${port}`] });
  await daemon.run(["stop", "--force", "web"]);
  const which = { containerPortKey: "user.port", containerInterface: "lo" };
  return {
    discovery: { kind: "lxd", serverAddress: `unix:${daemon.socket}`, ...which, ...byEvents },
    start: () => daemon.run(["start", "web"]),
    stop: () => daemon.run(["stop", "--force", "web"]),
  };
}

/** A record of a knot beside one that stays, with what decides when they are asked for again. */
function record(terms: Json): Follow {
  return async (context, { port, steadyPort }) => {
    const steady = `_web._tcp 1 SRV 1 1 ${steadyPort} a\na 1 A 127.0.0.1`;
    const search = await startDns(onTestFinished, steady);
    if (search.kind === "none") return context.skip(search.why);
    const { dns } = search;
    const lookup = { lookupServer: dns.address, lookupPattern: "_web._tcp.example." };
    return {
      discovery: { kind: "srv", ...lookup, ...terms },
      start: () => dns.serve(`${steady}\n_web._tcp 1 SRV 1 1 ${port} a`),
      stop: () => dns.serve(steady),
    };
  };
}

interface Clients {
  /** `host:port` of the backends that get traffic or still have some. */
  backends(): readonly string[];
  /** One after the other, as long as this takes; gives what it gives. */
  during<T>(run: () => Promise<T>): Promise<T>;
}

/** Clients of a balancer that has this source and a backend that stays; each has to be answered. */
async function clientsOf(discovery: Json, steadyPort: number): Promise<Clients> {
  const { plane } = await startPlane();
  const port = await freePort();
  const steady = { kind: "static", backends: [`127.0.0.1:${steadyPort}`] };
  const checked = checkBalancer({
    name: "web",
    bind: [`127.0.0.1:${port}`],
    strategy: "roundrobin",
    healthcheck: { kind: "none" },
    discovery: { kind: "multi", sources: [steady, discovery] },
  });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const definition = checked.value;
  const outcome = await plane.start({ id: "bal_1", hash: "1", definition, secrets: new Map() });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  const balancer = () => plane.status().find(({ id }) => id === "bal_1");
  await eventually(
    () => balancer()?.sources.every(({ isWatched }) => isWatched !== false) === true,
  );
  return {
    backends: () => balancer()?.backends.map(({ name }) => name) ?? [],
    during: async (run) => {
      let isOver = false;
      const oneAfterAnother = async (): Promise<void> => {
        const some = { targets: [port], perSecond: clientsPerSecond, connects: 2, text: "hello" };
        while (!isOver) expect((await steadyClients(some)).wrong).toEqual({});
      };
      const ran = run().finally(() => (isOver = true));
      const [result] = await Promise.all([ran, oneAfterAnother()]);
      return result;
    },
  };
}

/** From when its system says that it runs to its first connection, and from its end to its last. */
interface Took {
  readonly firstMs: number;
  readonly lastMs: number;
}

test.for<{ readonly what: string; readonly follow: Follow; readonly knownMs: number }>([
  { what: "a docker container by the engine's events", follow: container, knownMs: 0 },
  { what: "a consul service by blocking queries", follow: service, knownMs: 0 },
  { what: "an lxd instance by the server's events", follow: instance, knownMs: 0 },
  { what: "an SRV record by the interval", follow: record({ interval: "500ms" }), knownMs: 0 },
  // Until then its answer counts.
  {
    what: "an SRV record by its TTL, from the end of that on",
    follow: record({ followTtl: true, ...byEvents }),
    knownMs: ttlMs,
  },
])(
  "$what: one that starts gets its first connection within 1 s, one that stopped none after 1 s",
  async ({ follow, knownMs }, context) => {
    const arrivalsMs: number[] = [];
    const backend = await startBackend((socket) => {
      arrivalsMs.push(performance.now());
      echo(socket);
    });
    const steady = await startBackend(echo);
    const ports = { port: backend.port, steadyPort: steady.port };
    const followed = await follow(context, ports);
    const clients = await clientsOf(followed.discovery, steady.port);
    const boundMs = knownMs + promisedMs;

    const took: Took[] = [];
    for (let round = 0; round < rounds; round += 1) {
      arrivalsMs.length = 0;
      const { firstMs, stoppedMs } = await clients.during(async () => {
        await followed.start();
        const startedMs = performance.now();
        await eventually(() => arrivalsMs.length > 0);
        await followed.stop();
        const endedMs = performance.now();
        await eventually(() => performance.now() > endedMs + boundMs);
        return { firstMs: Math.max(0, (arrivalsMs[0] ?? 0) - startedMs), stoppedMs: endedMs };
      });
      await eventually(() => expect(clients.backends()).toEqual([`${steady.host}:${steady.port}`]));
      // None of those who could have come by now.
      await clients.during(() => new Promise((resolve) => setTimeout(resolve, 200)));
      took.push({ firstMs, lastMs: Math.max(0, (arrivalsMs.at(-1) ?? 0) - stoppedMs) });
    }

    const list = (times: readonly number[]): string => times.map(Math.round).join(", ");
    const [first, last] = [took.map(({ firstMs }) => firstMs), took.map(({ lastMs }) => lastMs)];
    await context.annotate(
      `first connection after ${list(first)} ms, last one after ${list(last)} ms`,
      "measured",
    );
    expect(Math.min(...first)).toBeLessThanOrEqual(boundMs);
    expect(Math.min(...last)).toBeLessThanOrEqual(boundMs);
  },
);
