import {
  afterAll,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  test,
  type TestContext,
} from "vitest";

import { bestRound } from "../../support/best-round.ts";
import { findDocker, type Docker, type DockerSearch } from "../../support/docker.ts";
import { eventually } from "../../support/eventually.ts";
import type { Cleanup } from "../../support/processes.ts";
import { importSleepingImage } from "../../support/sleeping-image.ts";
import { loopOver, showsMs } from "./loop-over.ts";
import { sourceOf, targetsOf } from "./source-under-test.ts";

const cleanups: (() => Promise<void>)[] = [];
const cleanup: Cleanup = (run) => cleanups.push(run);
let search: DockerSearch;
let image = "";
let labels = 0;

beforeAll(async () => {
  search = await findDocker(cleanup, "own");
  if (search.kind === "found") image = await importSleepingImage(cleanup, search.docker);
});

afterAll(async () => {
  for (const run of cleanups.toReversed()) await run();
});

/** The daemon, and a label of one's own. */
function daemon(context: TestContext): { docker: Docker; label: string } {
  if (search.kind === "none") return context.skip(search.why);
  labels += 1;
  return { docker: search.docker, label: `test=${labels}` };
}

async function run(docker: Docker, args: readonly string[]): Promise<string> {
  const id = (await docker.run(["run", "--detach", ...args, image])).trim();
  onTestFinished(async () => {
    await docker.run(["rm", "--force", id]);
  });
  return id;
}

function source(
  docker: Docker,
  containerLabel: string,
  terms: Readonly<Record<string, unknown>> = {},
) {
  return sourceOf({
    kind: "docker",
    endpoint: docker.endpoint,
    containerLabel,
    containerPrivatePort: 8080,
    ...terms,
  });
}

const never = new AbortController().signal;

describe("docker discovery from a real engine", () => {
  test("published ports of running containers with the label", async (context) => {
    const { docker, label } = daemon(context);
    await run(docker, [
      "--label",
      label,
      "--publish",
      "127.0.0.1:9101:8080",
      "--label",
      "sni=a.test",
    ]);
    await run(docker, ["--label", label, "--publish", "9102:8080", "--publish", "9103:8080/udp"]);
    await run(docker, ["--label", label]);
    await run(docker, ["--publish", "9104:8080"]);
    const stopped = await run(docker, ["--label", label, "--publish", "9105:8080"]);
    await docker.run(["kill", stopped]);
    const answer = await source(docker, label).fetch(never);
    expect(targetsOf(answer).toSorted()).toEqual(["127.0.0.1:9101", "127.0.0.1:9102"]);
    expect(answer).toMatchObject({ skipped: { count: 1 } });
  });

  test("a container's variable as host, and its own address in a network of its own", async (context) => {
    const { docker, label } = daemon(context);
    await docker.run(["network", "create", "--subnet", "10.213.0.0/24", "front"]);
    onTestFinished(async () => {
      await docker.run(["network", "rm", "front"]);
    });
    const published = ["--publish", "9106:8080", "--env", "LB_HOST=10.9.9.9"];
    await run(docker, ["--label", label, "--network", "front", "--ip", "10.213.0.9", ...published]);
    const byVariable = await source(docker, label, { containerHostEnvVar: "LB_HOST" }).fetch(never);
    expect(targetsOf(byVariable)).toEqual(["10.9.9.9:9106"]);
    const own = await source(docker, label, { address: "container", network: "front" }).fetch(
      never,
    );
    expect(targetsOf(own)).toEqual(["10.213.0.9:8080"]);
  });

  test("X-DKR-11 a container that starts or ends shows within 1 s, by the stream of events", async (context) => {
    const { docker, label } = daemon(context);
    const watched = loopOver(source(docker, label), { intervalMs: 3_600_000 });
    await eventually(() => watched.loop.status().isWatched === true);
    const tookMs = await bestRound(1_000, async () => {
      const id = await run(docker, ["--label", label, "--publish", "9107:8080"]);
      const comesMs = await showsMs(watched, ["127.0.0.1:9107"]);
      await docker.run(["kill", id]);
      // The signal is sent; the container ends when the kernel and the engine are done with it.
      await docker.run(["wait", id]);
      return Math.max(comesMs, await showsMs(watched, []));
    });
    expect(tookMs).toBeLessThanOrEqual(1_000);
    expect(watched.loop.status()).toMatchObject({ isWatched: true, failures: 0 });
  });

  test("X-DKR-10 tasks of swarm services: their published port, or their address in an overlay network", async (context) => {
    const { docker, label } = daemon(context);
    await docker.run(["swarm", "init", "--advertise-addr", "10.212.0.1"]);
    onTestFinished(async () => {
      await docker.run(["swarm", "leave", "--force"]);
    });
    // Of its own: the swarm of a try that failed takes a while to forget its network.
    const network = `inner-${labels}`;
    await docker.run(["network", "create", "--driver", "overlay", network]);
    const service = ["service", "create", "--detach", "--label", label, "--label", "weight=4"];
    const services = { units: "services" };
    const published = loopOver(source(docker, label, services), { intervalMs: 3_600_000 });
    await eventually(() => published.loop.status().isWatched === true);
    await docker.run([...service, "--publish", "mode=host,target=8080,published=9108", image]);
    await eventually(() => expect(published.targets()).toEqual(["10.212.0.1:9108"]));
    expect(published.delivered.at(-1)).toMatchObject([{ weight: 4 }]);

    const other = `${label}-overlay`;
    await docker.run([
      "service",
      "create",
      "--detach",
      "--label",
      other,
      "--replicas",
      "2",
      "--network",
      network,
      image,
    ]);
    const overlay = source(docker, other, { ...services, address: "container", network });
    await eventually(async () => {
      const targets = targetsOf(await overlay.fetch(never));
      expect(targets.length).toBe(2);
      for (const target of targets) expect(target).toMatch(/^10\.0\.\d+\.\d+:8080$/);
    });
  });

  test("an engine that is not there is a failure", async (context) => {
    const { docker, label } = daemon(context);
    const gone = source(docker, label, { endpoint: "unix:///no/such/docker.sock" });
    expect(await gone.fetch(never)).toMatchObject({ ok: false, code: "unreachable" });
  });
});
