import { beforeAll, describe, expect, onTestFinished, test, type TestContext } from "vitest";

import type { Docker, DockerSearch } from "../../support/docker.ts";
import { eventually } from "../../support/eventually.ts";
import { startPodman } from "../../support/podman.ts";
import { importSleepingImage } from "../../support/sleeping-image.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { loopOver } from "./loop-over.ts";
import { sourceOf, targetsOf } from "./source-under-test.ts";

const cleanup = suiteCleanup();
let search: DockerSearch;
let image = "";

beforeAll(async () => {
  search = await startPodman(cleanup);
  if (search.kind === "found") image = await importSleepingImage(cleanup, search.docker);
});

function podman(context: TestContext): Docker {
  return search.kind === "none" ? context.skip(search.why) : search.docker;
}

async function run(engine: Docker, args: readonly string[]): Promise<string> {
  const id = (await engine.run(["run", "--detach", ...args, image])).trim();
  onTestFinished(async () => {
    await engine.run(["rm", "--force", id]);
  });
  return id;
}

function source({ endpoint }: Docker, terms: Readonly<Record<string, unknown>>) {
  return sourceOf({ kind: "docker", endpoint, containerPrivatePort: 8080, ...terms });
}

const never = new AbortController().signal;

describe("docker discovery from a real podman", () => {
  test("published ports of running containers with the label, their variables and attributes", async (context) => {
    const engine = podman(context);
    const label = ["--label", "role=web"];
    const attributes = ["--label", "sni=a.test", "--label", "weight=3"];
    await run(engine, [...label, ...attributes, "--publish", "127.0.0.1:9101:8080"]);
    await run(engine, [...label, "--publish", "9102:8080", "--publish", "9103:8080/udp"]);
    await run(engine, [...label, "--publish", "9104:8080", "--env", "LB_HOST=10.9.9.9"]);
    await run(engine, label);
    await run(engine, ["--publish", "9105:8080"]);
    const stopped = await run(engine, [...label, "--publish", "9106:8080"]);
    await engine.run(["kill", stopped]);
    await engine.run(["wait", stopped]);

    const terms = { containerLabel: "role=web", containerHostEnvVar: "LB_HOST" };
    const answer = await source(engine, terms).fetch(never);

    expect(targetsOf(answer).toSorted()).toEqual([
      "10.9.9.9:9104",
      "127.0.0.1:9101",
      "127.0.0.1:9102",
    ]);
    expect(answer).toMatchObject({
      backends: expect.arrayContaining([
        expect.objectContaining({ port: 9101, weight: 3, sni: "a.test" }),
      ]),
      skipped: { count: 1 },
    });
  });

  test("a container's own address", async (context) => {
    const engine = podman(context);
    const id = await run(engine, ["--label", "role=inner"]);
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    const address = (await engine.run(["inspect", "--format", format, id])).trim();
    const terms = { containerLabel: "role=inner", address: "container" };
    expect(address).toMatch(/^10\./);
    expect(targetsOf(await source(engine, terms).fetch(never))).toEqual([`${address}:8080`]);
  });

  test("a container that starts or ends shows by the stream of events, whatever the interval", async (context) => {
    const engine = podman(context);
    const watched = loopOver(source(engine, { containerLabel: "role=watched" }), {
      intervalMs: 3_600_000,
    });
    await eventually(() => watched.loop.status().isWatched === true);
    const id = await run(engine, ["--label", "role=watched", "--publish", "9107:8080"]);
    await eventually(() => expect(watched.targets()).toEqual(["127.0.0.1:9107"]));
    await engine.run(["kill", id]);
    await eventually(() => expect(watched.targets()).toEqual([]));
    expect(watched.loop.status()).toMatchObject({ isWatched: true, failures: 0 });
  });
});
