import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { eventually } from "./eventually.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram, outputOf, runCommand } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A Docker daemon. */
export interface Docker {
  /** Where its API is: `unix:///…`. */
  readonly endpoint: string;
  /** Runs `docker …` and gives its output; fails with what it complains. */
  run(args: readonly string[], input?: NodeJS.ReadableStream): Promise<string>;
}

export type DockerSearch =
  | { readonly kind: "found"; readonly docker: Docker }
  | { readonly kind: "none"; readonly why: string };

/**
 * A daemon of one's own where it can be started (root, and dockerd is installed), otherwise the one
 * that runs here. Its containers have the host's network, so that no address or firewall rule of
 * the host is touched; with `own` the daemon has a network of its own, with bridges and all.
 */
export async function findDocker(
  cleanup: Cleanup,
  network: "host" | "own" = "host",
): Promise<DockerSearch> {
  if ((await findProgram("docker")) === undefined) {
    return { kind: "none", why: "docker is not installed (Debian: docker.io)" };
  }
  const daemon = await findProgram("dockerd");
  if (process.getuid?.() === 0 && daemon !== undefined) {
    return startDaemon(cleanup, daemon, network);
  }
  if (network === "own") return { kind: "none", why: "only root can start a Docker daemon" };
  const info = await runCommand(["docker", "info"]);
  return info.code === 0
    ? { kind: "found", docker: dockerAt(undefined) }
    : { kind: "none", why: "no Docker daemon answers, and only root can start one" };
}

async function startDaemon(
  cleanup: Cleanup,
  program: string,
  network: "host" | "own",
): Promise<DockerSearch> {
  const folder = await temporaryFolder(cleanup);
  const host = `unix://${join(folder, "docker.sock")}`;
  const places = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")];
  const noRules = ["--iptables=false", "--ip6tables=false", "--ip-forward=false"];
  const bridge = network === "own" ? ["--bip", "10.212.0.1/24"] : ["--bridge=none"];
  const [unshare = program, ...before] = network === "own" ? inOwnNetwork(program) : [];
  const daemon = spawn(
    unshare,
    [...before, "--host", host, "--pidfile", join(folder, "pid"), ...places, ...noRules, ...bridge],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let lastLines = "";
  daemon.stderr.on("data", (chunk: Buffer) => {
    lastLines = (lastLines + chunk.toString("utf8")).slice(-500);
  });
  const ended = once(daemon, "close");
  const isOver = (): boolean => daemon.exitCode !== null || daemon.signalCode !== null;
  const docker = dockerAt(host);
  cleanup(async () => {
    if (!isOver()) daemon.kill("SIGTERM");
    await ended;
    await unmountBelow(folder);
  });
  const answers = async (): Promise<boolean> =>
    isOver() ||
    (await docker.run(["info"]).then(
      () => true,
      () => false,
    ));
  await eventually(answers, { withinMs: 60_000, everyMs: 100 });
  return isOver()
    ? { kind: "none", why: `dockerd cannot run here: ${lastLines.trim()}` }
    : { kind: "found", docker };
}

/** Bridges, published ports and addresses of containers then exist only in there. */
function inOwnNetwork(program: string): readonly string[] {
  return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", program];
}

/** A container that was killed may leave mounts; they would keep the folder from being removed. */
async function unmountBelow(folder: string): Promise<void> {
  const points = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.toReversed()) await runCommand(["umount", "--lazy", point]);
}

/** Docker's client for the engine at this address; its own choice unless given. */
export function dockerAt(host: string | undefined): Docker {
  // The builder without BuildKit is the one that every daemon brings.
  const environment = {
    DOCKER_BUILDKIT: "0",
    ...(host === undefined ? {} : { DOCKER_HOST: host }),
  };
  return {
    endpoint: host ?? "unix:///var/run/docker.sock",
    run: (args, input) =>
      outputOf(["docker", ...args], {
        environment,
        ...(input === undefined ? {} : { input }),
      }),
  };
}
