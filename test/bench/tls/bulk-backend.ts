import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort } from "../../support/free-port.ts";
import type { Cleanup } from "../../support/processes.ts";
import { findProgram } from "../../support/run-command.ts";
import { startProgram } from "../contenders/program.ts";

const bulkBytes = 1024 * 1024 * 1024;
const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/**
 * One nginx worker that answers with 42 bytes, and with a gigabyte of zeroes at `/bulk`. Gives its port.
 *
 * @throws Error when nginx is not installed
 */
export async function startBulkBackend(cleanup: Cleanup, folder: string): Promise<number> {
  const program = await findProgram("nginx");
  if (program === undefined) throw new Error("the benchmark's backend is nginx; install it");
  const port = await freePort();
  const zeroes = join(folder, "bulk");
  writeFileSync(zeroes, "");
  // It has holes only: nothing is read from a disk.
  truncateSync(zeroes, bulkBytes);
  const file = join(folder, "backend.conf");
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid backend.pid;
error_log backend-error.log warn;
events { worker_connections 8192; multi_accept on; }
http {
  access_log off;
  sendfile on;
  ${temporary.map((what) => `${what}_temp_path temporary;`).join(" ")}
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_timeout 600;
    location /bulk { root ${folder}; }
    location / { return 200 "hello hello hello hello hello hello hello\\n"; }
  }
}
`,
  );
  const command = [program, "-c", file, "-p", folder, "-e", "backend-error.log"];
  await startProgram(cleanup, { command, logFile: join(folder, "backend.log"), ports: [port] });
  return port;
}
