import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { sleep } from "#shared/base/clock.ts";
import { errorText, Fault } from "#shared/base/fault.ts";

import { controlClient, type ControlClient } from "./control-client.ts";
import { ensureBalancer } from "./demo-balancer.ts";
import { newJoinToken, nodeProgress, type WantedServing } from "./demo-node.ts";
import { readDemoState, writeDemoState, type DemoState } from "./demo-state.ts";
import { ensureTenant } from "./demo-tenant.ts";
import type { StartOptions } from "./options.ts";
import { runPart, startPart, type PartsDeps } from "./parts.ts";
import { checkPorts, type WantedPort } from "./taken-port.ts";
import type { Started } from "./welcome.ts";

/** A first start makes a database; on a slow disk that takes a while. */
const controlReadyMsMax = 120_000;
const partReadyMsMax = 20_000;
const servingMsMax = 15_000;
const lookEveryMs = 50;

/** How long each part may take to end; together less than the five seconds that were promised. */
const stopMsMax = { agent: 1_500, backends: 500, control: 2_500 } as const;

const controlReadySchema = z.object({ url: z.string() });
const backendsReadySchema = z.object({ ports: z.tuple([z.number(), z.number()]) });

export interface StartDeps extends PartsDeps {
  /** Hexadecimal digits that nobody guesses. */
  readonly randomHex: (bytes: number) => string;
}

/**
 * Starts all parts, each once the one it needs is ready, and returns when the demo is served.
 *
 * @throws Fault saying what to do, when a port is taken, a part ends or does not get ready.
 */
export async function startParts(deps: StartDeps, options: StartOptions): Promise<Started> {
  await checkPorts(wantedPorts(options));
  makeFolder(options.dataFolder);
  const controlUrl = await startControl(deps, options);
  const tenant = await ensureTenant(
    { clientWith: (key) => controlClient(controlUrl, key), randomHex: deps.randomHex },
    readDemoState(options.dataFolder),
  );
  writeDemoState(options.dataFolder, tenant);
  const client = controlClient(controlUrl, tenant.key);
  await startNode(deps, { controlUrl, client, tenant: tenant.tenant.id });
  const demo = options.withDemo ? await startDemo(deps, options, { client, tenant }) : undefined;
  const wanted = { revision: demo?.revision ?? 0, balancer: demo?.balancer };
  const node = await nodeOnceServing(deps, client, wanted);
  const { name } = tenant.tenant;
  return { controlUrl, dataFolder: options.dataFolder, tenant: name, key: tenant.key, node, demo };
}

function wantedPorts({ port, demoPort, withDemo }: StartOptions): readonly WantedPort[] {
  const control = { purpose: "the control plane", port, flag: "--port" } as const;
  const demo = { purpose: "the demo balancer", port: demoPort, flag: "--demo-port" } as const;
  return withDemo ? [control, demo] : [control];
}

/** Others may pass through: under root, Postgres runs as another user. What is private is so itself. */
function makeFolder(dataFolder: string): void {
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new Fault({
      code: "local/data-folder",
      owner: "platform",
      message: `${dataFolder} cannot be made (${errorText(error)}). Choose another: npm start -- --data DIR`,
      cause: error,
    });
  }
}

async function startControl(deps: StartDeps, options: StartOptions): Promise<string> {
  const data = join(options.dataFolder, "control");
  const control = startPart(deps, {
    name: "control plane",
    log: "control",
    command: ["control/main.ts", "--port", String(options.port), "--data", data],
    stopMsMax: stopMsMax.control,
  });
  return controlReadySchema.parse(await control.ready(controlReadyMsMax)).url;
}

/** Joins on the first start; a folder under its final name means that joining went through. */
async function startNode(
  deps: StartDeps,
  first: { readonly controlUrl: string; readonly client: ControlClient; readonly tenant: string },
): Promise<void> {
  const folder = join(deps.dataFolder, "nodes", first.tenant);
  const where = ["--control", first.controlUrl];
  if (!existsSync(folder)) {
    const unfinished = `${folder}.joining`;
    rmSync(unfinished, { recursive: true, force: true });
    const token = await newJoinToken(first.client);
    const command = ["join", ...where, "--token", token, "--data", unfinished];
    await runPart(deps, agentPart(command));
    renameSync(unfinished, folder);
  }
  const agent = startPart(
    deps,
    agentPart(["run", "--data", folder, ...where, "--admin", "127.0.0.1:0"]),
  );
  await agent.ready(partReadyMsMax);
}

function agentPart(args: readonly string[]) {
  const command = ["node-agent/main.ts", ...args];
  return { name: "agent", log: "agent", command, stopMsMax: stopMsMax.agent };
}

async function startDemo(
  deps: StartDeps,
  options: StartOptions,
  demo: { readonly client: ControlClient; readonly tenant: DemoState },
) {
  const { backendPorts: backendPortsBefore, balancer: known } = demo.tenant;
  const backends = startPart(deps, {
    name: "demo backends",
    log: "backends",
    command: ["infra/local/demo-backends.ts", ...(backendPortsBefore ?? []).map(String)],
    stopMsMax: stopMsMax.backends,
  });
  const ready = backendsReadySchema.parse(await backends.ready(partReadyMsMax));
  const places = { demoPort: options.demoPort, backendPorts: ready.ports, backendPortsBefore };
  const { id, revision } = await ensureBalancer(demo.client, known, places);
  writeDemoState(options.dataFolder, { ...demo.tenant, balancer: id, backendPorts: ready.ports });
  return {
    balancer: id,
    revision,
    address: `127.0.0.1:${options.demoPort}`,
    backends: ready.ports.map((port) => `127.0.0.1:${port}`),
  };
}

async function nodeOnceServing(
  deps: StartDeps,
  client: ControlClient,
  wanted: WantedServing,
): Promise<string> {
  const deadlineMs = deps.clock.monotonicMs() + servingMsMax;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- asks again after a pause
    const progress = await nodeProgress(client, wanted);
    if (progress.kind === "serving") return progress.node;
    if (deps.clock.monotonicMs() > deadlineMs) throw notServing(deps, progress.why);
    // oxlint-disable-next-line no-await-in-loop -- asks again after a pause
    await sleep(deps.clock, lookEveryMs, deps.ending.signal);
  }
}

function notServing(deps: StartDeps, why: string): Fault {
  return new Fault({
    code: "local/not-serving",
    owner: "node",
    message: `the node did not serve within ${servingMsMax} ms: ${why}; its log is ${deps.dataFolder}/logs/agent.log`,
  });
}
