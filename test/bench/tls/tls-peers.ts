import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { nativeAddonFile } from "../../../node-agent/engine/native/native-file.ts";
import { freePort } from "../../support/free-port.ts";
import { startProcess } from "../../support/processes.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import type { TlsEnginePlan } from "../../support/tls-engine-main.ts";
import type { Contender, Ports, Setting } from "../contenders/contender.ts";
import { startProgram } from "../contenders/program.ts";

/** What all of them agree on: one suite of TLS 1.3, these groups, tickets, and these certificates. */
export interface TlsMaterial {
  readonly ecdsa: TlsFiles;
  readonly rsa: TlsFiles;
}
export interface TlsFiles {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Both in one file, as HAProxy has them. */
  readonly file: string;
}

const suite = "TLS_AES_256_GCM_SHA384";
const groups = "X25519:P-256";

/**
 * An engine of ours in a process of its own, with the simplest of flows in its JavaScript. Routes:
 * `halfClose` shows the RSA certificate, all others the ECDSA one.
 */
export function engineContender(driver: "native" | "portable", material: TlsMaterial): Contender {
  return {
    name: driver,
    title: `Midstream ${driver}`,
    role: "ours",
    version: `Node ${process.version}, OpenSSL ${process.versions.openssl}`,
    start: (setting) => startEngine(driver, material, setting),
  };
}

async function startEngine(
  driver: "native" | "portable",
  { ecdsa, rsa }: TlsMaterial,
  { targets, cleanup }: Setting,
): ReturnType<Contender["start"]> {
  const { keyPem, certificatePem } = ecdsa;
  const pair = { keyPem, certificatePem };
  const listeners = [
    { pair, backendPort: targets.keepAlive[0] ?? 0 },
    { pair, backendPort: targets.hold[0] ?? 0 },
    {
      pair: { keyPem: rsa.keyPem, certificatePem: rsa.certificatePem },
      backendPort: targets.keepAlive[0] ?? 0,
    },
  ];
  const addon = driver === "native" ? nativeAddonFile() : "";
  const plan: TlsEnginePlan = { driver, addon, listeners, cipherSuites: suite, groups };
  const name = `engine ${driver}`;
  const command = ["test/support/tls-engine-main.ts", JSON.stringify(plan)];
  const running = startProcess(cleanup, { name, command });
  const { ports } = await running.ready();
  const [web = 0, hold = 0, rsaWeb = 0] = Array.isArray(ports) ? ports.map(Number) : [];
  return {
    pid: running.pid,
    ports: portsOf(web, hold, rsaWeb),
    datagramPorts: undefined,
    commandLine: `node test/support/tls-engine-main.ts … (${driver})`,
    stop: async () => void (await running.stop()),
    change: undefined,
  };
}

/** HAProxy at layer 4 with TLS towards clients; undefined when it is not there. */
export async function haproxyContender(
  name: string,
  command: string | undefined,
  material: TlsMaterial,
): Promise<Contender | undefined> {
  const program = command === undefined ? undefined : await findProgram(command);
  if (program === undefined) return undefined;
  const { stdout } = await runCommand([program, "-vv"]);
  const number = /version (\d+\.\d+)/.exec(stdout)?.[1] ?? "";
  const library =
    /Running on (?:OpenSSL|SSL library) version : (OpenSSL \S+)/.exec(stdout)?.[1] ?? "";
  return {
    name,
    title: `HAProxy ${number}`,
    role: "peer",
    version: `${stdout.split("\n")[0]}; ${library}`,
    start: async (setting) => {
      const ports = portsOf(await freePort(), await freePort(), await freePort());
      const file = join(setting.folder, "haproxy.cfg");
      writeFileSync(file, haproxyConfiguration({ ports, setting, material }));
      const started = await startProgram(setting.cleanup, {
        command: [program, "-db", "-f", file],
        logFile: join(setting.folder, "output.log"),
        ports: [ports.keepAlive, ports.hold, ports.halfClose],
      });
      const commandLine = `${program} -db -f haproxy.cfg`;
      return { ...started, ports, datagramPorts: undefined, commandLine, change: undefined };
    },
  };
}

function haproxyConfiguration(of: {
  readonly ports: Ports;
  readonly setting: Setting;
  readonly material: TlsMaterial;
}): string {
  const { ports, setting, material } = of;
  const listen = (name: string, port: number, file: string, target: number | undefined): string =>
    `listen ${name}\n  bind 127.0.0.1:${port} ssl crt ${file}\n  server b 127.0.0.1:${target}\n`;
  return `global
  nbthread ${setting.workers}
  maxconn 9000
  ssl-default-bind-ciphersuites ${suite}
  ssl-default-bind-curves ${groups}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  maxconn 9000
  timeout connect 5s
  timeout client 10m
  timeout server 10m
${listen("web", ports.keepAlive, material.ecdsa.file, setting.targets.keepAlive[0])}
${listen("hold", ports.hold, material.ecdsa.file, setting.targets.hold[0])}
${listen("rsa", ports.halfClose, material.rsa.file, setting.targets.keepAlive[0])}`;
}

function portsOf(web: number, hold: number, rsa: number): Ports {
  return { keepAlive: web, close: web, bulk: web, hold, halfClose: rsa };
}
