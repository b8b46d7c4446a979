import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, readFile } from "node:fs/promises";

import { eventually } from "./eventually.ts";
import { repository, type Cleanup } from "./processes.ts";
import { findProgram, outputOf, runCommand, type CommandEnd } from "./run-command.ts";

/** A systemd that is process 1 of namespaces of its own, with this checkout in /opt/midstream. */
export interface SystemdMachine {
  /** Runs a command inside. */
  run(command: readonly string[]): Promise<CommandEnd>;
  /** Its output; fails with what it complains. */
  output(command: readonly string[]): Promise<string>;
}

export type MachineSearch =
  | { readonly kind: "booted"; readonly machine: SystemdMachine }
  | { readonly kind: "none"; readonly why: string };

/**
 * The machine's own files are the host's, with layers above /etc and /var/lib that vanish with it.
 * Nothing of the host's services runs inside: only `units` are there to be started.
 */
const boot = `
set -e
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/layers
for folder in etc var/lib; do
  mkdir -p /run/layers/$folder/upper /run/layers/$folder/work
  mount -t overlay overlay -o lowerdir=/$folder,upperdir=/run/layers/$folder/upper,workdir=/run/layers/$folder/work /$folder
done
mount -t tmpfs tmpfs /opt
mkdir /opt/midstream
mount --bind "$CHECKOUT" /opt/midstream
mount -t tmpfs tmpfs /sys/fs/cgroup
if [ "$CGROUPS" = v2 ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
fi
for target in empty network-online; do
  printf '[Unit]\\nDefaultDependencies=no\\n' > /run/systemd/system/$target.target
done
for unit in $UNITS; do
  ln -s /opt/midstream/infra/systemd/$unit /run/systemd/system/$unit
  mkdir /run/systemd/system/$unit.d
  printf '[Unit]\\nDefaultDependencies=no\\n' > /run/systemd/system/$unit.d/alone.conf
done
ip link set lo up
exec env container=docker /lib/systemd/systemd --system --unit=empty.target --log-target=console
`;

/** In a control group of its own, so that the host's groups are not touched. */
const enter = `
set -e
if [ "$(stat --file-system --format %T /sys/fs/cgroup)" = cgroup2fs ]; then
  export CGROUPS=v2
  group=/sys/fs/cgroup/$NAME
else
  export CGROUPS=v1
  group=/sys/fs/cgroup/systemd/$NAME
fi
mkdir $group
echo $$ > $group/cgroup.procs
exec unshare --mount --pid --net --ipc --uts --cgroup --fork --mount-proc --propagation private --kill-child sh -c "$BOOT"
`;

const leave = `
for group in /sys/fs/cgroup/$NAME /sys/fs/cgroup/systemd/$NAME; do
  if [ -d $group ]; then find $group -depth -type d -exec rmdir {} +; fi
done
`;

const systemd = "/lib/systemd/systemd";

/** Boots one that knows the given units of infra/systemd, or says why it cannot. */
export async function bootSystemd(
  cleanup: Cleanup,
  units: readonly string[],
): Promise<MachineSearch> {
  if (process.getuid?.() !== 0) return none("only root can boot a systemd of its own");
  const isThere = await access(systemd).then(
    () => true,
    () => false,
  );
  if (!isThere) return none(`${systemd} is not there (Debian: systemd)`);
  if ((await findProgram("ip")) === undefined) {
    return none("ip is not installed (Debian: iproute2)");
  }
  const environment = {
    NAME: `midstream-test-${randomBytes(4).toString("hex")}`,
    BOOT: boot,
    CHECKOUT: repository,
    UNITS: units.join(" "),
  };
  const child = spawn("sh", ["-c", enter], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = once(child, "close");
  cleanup(async () => {
    child.kill("SIGKILL");
    await ended;
    await eventually(() => outputOf(["sh", "-c", leave], { environment }));
  });
  const machine = machineBelow(child.pid ?? 0);
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  // One that is slow is no reason to skip anything: that it does not boot here, it says itself.
  const hasBooted = async (): Promise<void> => {
    if (isOver()) return;
    const { code, stdout, stderr } = await machine.run(["systemctl", "is-system-running"]);
    if (code !== 0) throw new Error(`systemd is ${(stdout || stderr).trim()}, not running`);
  };
  await eventually(hasBooted, { withinMs: 120_000, everyMs: 50 });
  if (!isOver()) return { kind: "booted", machine };
  const lastLines = Buffer.concat(chunks).toString("utf8").trim().split("\n").slice(-3);
  return none(`systemd did not boot: ${lastLines.join("; ")}`);
}

function none(why: string): MachineSearch {
  return { kind: "none", why };
}

function machineBelow(unshare: number): SystemdMachine {
  const inside = async (command: readonly string[]): Promise<readonly string[]> => {
    const children = await readFile(`/proc/${unshare}/task/${unshare}/children`, "utf8");
    const [init = "none"] = children.trim().split(" ");
    return ["nsenter", "--target", init, "--all", ...command];
  };
  return {
    run: async (command) => runCommand(await inside(command)),
    output: async (command) => outputOf(await inside(command)),
  };
}
