import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort } from "../../support/free-port.ts";
import type { Cleanup } from "../../support/processes.ts";
import { findProgram } from "../../support/run-command.ts";
import { startProgram } from "../contenders/program.ts";

/** Ports that answer every request with 42 bytes, two of each kind. */
export interface WebBackend {
  readonly keepAlive: readonly number[];
  /** Ends the connection after each answer. */
  readonly close: readonly number[];
}

const answer = "hello hello hello hello hello hello hello\\n";

/**
 * One nginx worker.
 *
 * @throws Error when nginx is not installed
 */
export async function startWebBackend(cleanup: Cleanup, folder: string): Promise<WebBackend> {
  const program = await findProgram("nginx");
  if (program === undefined) throw new Error("the benchmark's backend is nginx; install it");
  const keepAlive = [await freePort(), await freePort()];
  const close = [await freePort(), await freePort()];
  const file = join(folder, "backend.conf");
  writeFileSync(file, configuration(keepAlive, close));
  const command = [program, "-c", file, "-p", folder, "-e", "backend-error.log"];
  const ports = [...keepAlive, ...close];
  await startProgram(cleanup, { command, logFile: join(folder, "backend.log"), ports });
  return { keepAlive, close };
}

/** Folders of Debian's are root's alone. */
const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

function configuration(keepAlive: readonly number[], close: readonly number[]): string {
  const listening = (ports: readonly number[]): string =>
    ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(" ");
  return `daemon off;
worker_processes 1;
pid backend.pid;
error_log backend-error.log warn;
events { worker_connections 8192; multi_accept on; }
http {
  access_log off;
  ${temporary.map((what) => `${what}_temp_path temporary;`).join(" ")}
  keepalive_requests 1000000000;
  server { ${listening(keepAlive)} keepalive_timeout 600; location / { return 200 "${answer}"; } }
  server { ${listening(close)} keepalive_timeout 0; location / { return 200 "${answer}"; } }
}
`;
}
