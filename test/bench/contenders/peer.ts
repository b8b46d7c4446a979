import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort } from "../../support/free-port.ts";
import { runCommand } from "../../support/run-command.ts";
import {
  routes,
  type Contender,
  type DatagramPorts,
  type Ports,
  type Role,
  type RunningContender,
  type Setting,
  type Targets,
} from "./contender.ts";
import { startProgram } from "./program.ts";

/** What a configuration is made from. */
export interface Layout {
  readonly workers: number;
  readonly descriptors: number;
  readonly folder: string;
  /** Where the configuration lies. */
  readonly file: string;
  readonly ports: Ports;
  readonly targets: Targets;
  readonly datagramPorts: DatagramPorts;
  /** The port of the backend behind every UDP route. */
  readonly echo: number;
}

/** How a program is told what to relay, at its best honest setting. */
export interface Dialect {
  readonly title: string;
  readonly role: Role;
  readonly versionArgs: readonly string[];
  readonly fileName: string;
  configuration(layout: Layout): string;
  /** Without the program itself. */
  args(layout: Layout): readonly string[];
  environment(layout: Layout): Readonly<Record<string, string>>;
  /** Makes it read its configuration again; undefined when it has to be started again for that. */
  readonly changeSignal: NodeJS.Signals | undefined;
  /** Whether its configuration has the UDP routes. */
  readonly carriesDatagrams: boolean;
}

/** A contender that is a program with a configuration file. */
export async function peerContender(
  name: string,
  program: string,
  dialect: Dialect,
): Promise<Contender> {
  const version = await versionOf(program, dialect);
  const number = /\d+\.\d+(?:\.\d+)?/.exec(version.replaceAll(/[0-9a-f]{32,}/g, ""))?.[0];
  return {
    name,
    title: [dialect.title, number].filter(Boolean).join(" "),
    role: dialect.role,
    version,
    start: (setting) => startPeer(program, dialect, setting),
  };
}

/** The first line that it prints; some print it as a complaint. */
async function versionOf(program: string, dialect: Dialect): Promise<string> {
  const { stdout, stderr } = await runCommand([program, ...dialect.versionArgs]);
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "") ?? "";
}

async function startPeer(
  program: string,
  dialect: Dialect,
  setting: Setting,
): Promise<RunningContender> {
  const ports = await freePorts();
  const datagramPorts = { sessions: await freePort(), exchanges: await freePort() };
  const file = join(setting.folder, dialect.fileName);
  const layout: Layout = { ...setting, file, ports, datagramPorts };
  const { carriesDatagrams, changeSignal } = dialect;
  writeFileSync(file, dialect.configuration(layout));
  const command = [program, ...dialect.args(layout)];
  const running = await startProgram(setting.cleanup, {
    command,
    logFile: join(setting.folder, "output.log"),
    ports: Object.values(ports),
    datagramPorts: carriesDatagrams ? Object.values(datagramPorts) : [],
    environment: dialect.environment(layout),
  });
  const change = async (targets: Targets): Promise<void> => {
    writeFileSync(file, dialect.configuration({ ...layout, targets }));
    if (changeSignal !== undefined) running.signal(changeSignal);
  };
  return {
    pid: running.pid,
    ports,
    datagramPorts: carriesDatagrams ? datagramPorts : undefined,
    commandLine: command.join(" "),
    stop: () => running.stop(),
    change: changeSignal === undefined ? undefined : change,
  };
}

async function freePorts(): Promise<Ports> {
  const ports: Record<string, number> = {};
  for (const route of routes) ports[route] = await freePort();
  const { keepAlive = 0, close = 0, bulk = 0, hold = 0, halfClose = 0 } = ports;
  return { keepAlive, close, bulk, hold, halfClose };
}
