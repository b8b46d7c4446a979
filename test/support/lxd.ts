import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";

import { copyFile } from "./copy-program.ts";
import { eventually } from "./eventually.ts";
import { listeningPort } from "./listening-port.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram, outputOf } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** An LXD server in a network of its own. */
export interface Lxd {
  /** Its Unix socket. */
  readonly socket: string;
  /** Runs `lxc …` and gives its output; fails with what it complains. */
  run(args: readonly string[]): Promise<string>;
  /** Starts a container whose eth0 has these addresses, `10.0.0.1/24`. */
  launch(name: string, options?: LaunchOptions): Promise<void>;
  /** Makes its API listen with this trust password, and gives a port of this host that leads there. */
  listen(cleanup: Cleanup, password: string): Promise<number>;
}

export interface LaunchOptions {
  readonly addresses?: readonly string[];
  /** `user.role=web` */
  readonly config?: readonly string[];
}

export type LxdSearch =
  | { readonly kind: "found"; readonly lxd: Lxd }
  | { readonly kind: "none"; readonly why: string };

const image = "sleeping";

/** What its init runs: addresses come from a file that is put into the container before it starts. */
const init = `#!/bin/sh
ip link set lo up
ip link set eth0 up
[ -f /etc/addresses ] && while read -r one; do ip addr add "$one" dev eth0; done </etc/addresses
exec sleep 1000000
`;

/** A system of one's own under /sys, without which LXD cannot see the devices of its own network. */
const prepare = `mount --make-rprivate / && mount --rbind /sys/fs/cgroup "$1" && mount -t sysfs sysfs /sys &&
mount --rbind "$1" /sys/fs/cgroup && ip link set lo up && exec "$2" --group root --logfile "$3"`;

/** Starts an LXD of one's own, with an image whose containers sleep. Only root can. */
export async function startLxd(cleanup: Cleanup): Promise<LxdSearch> {
  const [program, client, busybox] = await Promise.all(
    ["lxd", "lxc", "busybox"].map((name) => findProgram(name)),
  );
  if (program === undefined || client === undefined) {
    return none("lxd is not installed (Debian: lxd)");
  }
  if (busybox === undefined) return none("busybox is not installed (Debian: busybox-static)");
  if (process.getuid?.() !== 0) return none("only root can start LXD");
  const folder = await temporaryFolder(cleanup);
  const data = join(folder, "lxd");
  await Promise.all([mkdir(data), mkdir(join(folder, "cgroup"))]);
  const places = [join(folder, "cgroup"), program, join(folder, "log")];
  const daemon = spawn("unshare", ["--net", "--mount", "sh", "-c", prepare, "sh", ...places], {
    env: { ...process.env, LXD_DIR: data },
    stdio: "ignore",
  });
  const ended = once(daemon, "close");
  const isOver = (): boolean => daemon.exitCode !== null || daemon.signalCode !== null;
  const lxd = lxdAt({ data, folder, daemon, busybox });
  cleanup(async () => {
    if (!isOver()) daemon.kill("SIGTERM");
    await ended;
  });
  const answers = async (): Promise<boolean> =>
    isOver() ||
    (await lxd.run(["info"]).then(
      () => true,
      () => false,
    ));
  await eventually(answers, { withinMs: 60_000, everyMs: 100 });
  if (isOver()) return none("lxd cannot run here");
  await furnish(lxd, { folder, busybox });
  return { kind: "found", lxd };
}

function none(why: string): LxdSearch {
  return { kind: "none", why };
}

interface LxdPlace {
  readonly data: string;
  readonly folder: string;
  readonly daemon: ChildProcess;
  readonly busybox: string;
}

function lxdAt({ data, folder, daemon, busybox }: LxdPlace): Lxd {
  // Without HOME the client would look for remotes and certificates of whoever runs the tests.
  const environment = { LXD_DIR: data, HOME: folder };
  const run: Lxd["run"] = (args) => outputOf(["lxc", "--force-local", ...args], { environment });
  return {
    socket: join(data, "unix.socket"),
    run,
    launch: async (name, { addresses = [], config = [] } = {}) => {
      await run(["init", image, name, ...config.flatMap((one) => ["--config", one])]);
      const file = join(folder, `addresses-${name}`);
      await writeFile(file, addresses.map((one) => `${one}\n`).join(""));
      await run(["file", "push", file, `${name}/etc/addresses`]);
      await run(["start", name]);
    },
    listen: async (cleanup, password) => {
      await run(["config", "set", "core.https_address", "127.0.0.1:8443"]);
      await run(["config", "set", "core.trust_password", password]);
      return relayInto(cleanup, [
        `--net=/proc/${daemon.pid}/ns/net`,
        busybox,
        "nc",
        "127.0.0.1",
        "8443",
      ]);
    },
  };
}

/** Storage, a bridge without addresses, and an image. */
async function furnish(
  lxd: Lxd,
  { folder, busybox }: { folder: string; busybox: string },
): Promise<void> {
  await lxd.run(["storage", "create", "default", "dir"]);
  await lxd.run(["network", "create", "br0", "ipv4.address=none", "ipv6.address=none"]);
  await lxd.run(["profile", "device", "add", "default", "root", "disk", "path=/", "pool=default"]);
  await lxd.run(["profile", "device", "add", "default", "eth0", "nic", "network=br0"]);
  const content = join(folder, "image");
  const root = join(content, "rootfs");
  for (const part of ["bin", "sbin", "proc", "sys", "dev", "etc", "tmp"]) {
    await mkdir(join(root, part), { recursive: true });
  }
  await copyFile(busybox, join(root, "bin/busybox"));
  for (const name of ["sh", "ip", "sleep"]) await symlink("busybox", join(root, "bin", name));
  await writeFile(join(root, "sbin/init"), init);
  await chmod(join(root, "sbin/init"), 0o755);
  const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
  await writeFile(
    join(content, "metadata.yaml"),
    `architecture: ${architecture}\ncreation_date: 1\n`,
  );
  const tar = join(folder, "image.tar.gz");
  await outputOf(["tar", "--directory", content, "--create", "--gzip", "--file", tar, "."]);
  await lxd.run(["image", "import", tar, "--alias", image]);
}

/** A port of this host whose connections are led into another network by a program there. */
async function relayInto(cleanup: Cleanup, command: readonly string[]): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const child = spawn("nsenter", command, { stdio: ["pipe", "pipe", "ignore"] });
    socket.on("error", () => undefined);
    socket.on("close", () => child.kill());
    child.on("close", () => socket.destroy());
    child.stdin.on("error", () => undefined);
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  });
  return listeningPort(server.address());
}
