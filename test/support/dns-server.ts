import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram, runCommand } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A name server that serves one zone, `example.`. */
export interface DnsServer {
  readonly address: string;
  /** Puts another zone in the place of the one that is served. */
  serve(zone: string): Promise<void>;
  stop(): Promise<void>;
}

export type DnsServerSearch =
  | { readonly kind: "found"; readonly dns: DnsServer }
  | { readonly kind: "none"; readonly why: string };

let serial = 0;

/**
 * Starts a knot of one's own on loopback; its zone's lines are records below `example.`. The zone
 * `unserved.` has no file: SERVFAIL.
 */
export async function startDns(cleanup: Cleanup, zone: string): Promise<DnsServerSearch> {
  const program = await findProgram("knotd");
  if (program === undefined) return { kind: "none", why: "knotd is not installed (Debian: knot)" };
  const folder = await temporaryFolder(cleanup);
  const port = await freePort();
  const config = join(folder, "knot.conf");
  await writeFile(config, configText(folder, port));
  await writeZone(folder, zone);
  const knot = spawn(program, ["--config", config], { stdio: "ignore" });
  const ended = once(knot, "close");
  const stop = async (): Promise<void> => {
    if (knot.exitCode === null && knot.signalCode === null) knot.kill("SIGTERM");
    await ended;
  };
  cleanup(stop);
  const control = (...words: readonly string[]): Promise<number | null> =>
    runCommand(["knotc", "--config", config, "--blocking", ...words]).then(({ code }) => code);
  await eventually(async () => (await control("zone-status", "example.")) === 0);
  const serve = async (text: string): Promise<void> => {
    await writeZone(folder, text);
    if ((await control("zone-reload", "example.")) !== 0) throw new Error("the zone is not served");
  };
  return { kind: "found", dns: { address: `127.0.0.1:${port}`, serve, stop } };
}

function configText(folder: string, port: number): string {
  return `server:
    listen: 127.0.0.1@${port}
    rundir: ${folder}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
${process.getuid?.() === 0 ? "    user: root:root\n" : ""}log:
  - target: ${folder}/log
    any: warning
database:
    storage: ${folder}
template:
  - id: default
    storage: ${folder}
    zonefile-load: whole
    journal-content: none
zone:
  - domain: example.
    file: zone
  - domain: unserved.
    file: none
`;
}

function writeZone(folder: string, records: string): Promise<void> {
  serial += 1;
  const head = `$ORIGIN example.\n$TTL 60\n@ SOA ns hostmaster ${serial} 3600 900 604800 5\n@ NS ns\nns A 127.0.0.1\n`;
  return writeFile(join(folder, "zone"), `${head}${records}\n`);
}
