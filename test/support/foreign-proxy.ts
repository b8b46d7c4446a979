import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { eventually } from "./eventually.ts";
import { findProgram } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A proxy that somebody else wrote. */
export type ForeignProxy = "haproxy" | "nginx";

/** Why this host has none; undefined when it has. */
export async function missingProxy(proxy: ForeignProxy): Promise<string | undefined> {
  return (await findProgram(proxy)) === undefined ? `${proxy} is not installed` : undefined;
}

/**
 * Runs it with these sections of a configuration (of nginx those of the level of `http` and `stream`),
 * until the end of the test; resolves once `port` accepts.
 */
export async function startForeignProxy(
  proxy: ForeignProxy,
  sections: string,
  port: number,
): Promise<void> {
  const folder = await temporaryFolder(onTestFinished);
  const file = join(folder, `${proxy}.conf`);
  await writeFile(file, proxy === "haproxy" ? haproxyText(sections) : nginxText(sections));
  const program = (await findProgram(proxy)) ?? proxy;
  const child = spawn(program, argumentsOf(proxy, file, folder), {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const complaints: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
  const ended = once(child, "close");
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill("SIGTERM");
    await ended;
  });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(Buffer.concat(complaints).toString());
    return accepts(port);
  });
}

function argumentsOf(proxy: ForeignProxy, file: string, folder: string): readonly string[] {
  return proxy === "haproxy" ? ["-db", "-f", file] : ["-c", file, "-p", folder, "-e", "error.log"];
}

function haproxyText(sections: string): string {
  return `global
  nbthread 1
  maxconn 200

defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s

${sections}`;
}

/** Where Debian's libnginx-mod-stream puts it; an nginx with stream built in needs none. */
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

function nginxText(sections: string): string {
  return `${existsSync(streamModule) ? `load_module ${streamModule};\n` : ""}daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 200; }
${sections}`;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const outcome = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  });
  socket.destroy();
  return outcome;
}
