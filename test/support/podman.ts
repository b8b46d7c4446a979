import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { dockerAt, type DockerSearch } from "./docker.ts";
import { eventually } from "./eventually.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Whoever runs the tests may not be allowed to raise its limits, which podman does unless told. */
const settings = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/**
 * A podman of one's own that plays a Docker engine, in a network of its own; spoken to with Docker's
 * client. Only root can start one.
 */
export async function startPodman(cleanup: Cleanup): Promise<DockerSearch> {
  const program = await findProgram("podman");
  if (program === undefined) return none("podman is not installed (Debian: podman)");
  if ((await findProgram("docker")) === undefined) return none("docker is not installed");
  if (process.getuid?.() !== 0) return none("only root can start podman with networks");
  const folder = await temporaryFolder(cleanup);
  await writeFile(join(folder, "containers.conf"), settings);
  const host = `unix://${join(folder, "podman.sock")}`;
  const places = ["root", "runroot", "network-config-dir", "tmpdir"].flatMap((place) => [
    `--${place}`,
    join(folder, place),
  ]);
  const options = [...places, "--storage-driver", "vfs"];
  const serve = [program, ...options, "system", "service", "--time", "0", host];
  const inOwnNetwork = ["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
  const environment = { ...process.env, CONTAINERS_CONF: join(folder, "containers.conf") };
  const service = spawn("unshare", [...inOwnNetwork, ...serve], {
    env: environment,
    stdio: "ignore",
  });
  const ended = once(service, "close");
  const isOver = (): boolean => service.exitCode !== null || service.signalCode !== null;
  const docker = dockerAt(host);
  cleanup(async () => {
    if (!isOver()) service.kill("SIGTERM");
    await ended;
  });
  const answers = async (): Promise<boolean> =>
    isOver() ||
    (await docker.run(["info"]).then(
      () => true,
      () => false,
    ));
  await eventually(answers, { withinMs: 60_000, everyMs: 100 });
  return isOver() ? none("podman cannot run here") : { kind: "found", docker };
}

function none(why: string): DockerSearch {
  return { kind: "none", why };
}
