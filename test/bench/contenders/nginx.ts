import { existsSync } from "node:fs";

import { datagramRoutes, routes, type DatagramRoute } from "./contender.ts";
import type { Dialect, Layout } from "./peer.ts";

/** Where Debian's libnginx-mod-stream puts it; an nginx with stream built in needs none. */
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** nginx's stream module: 64 KB buffers, `multi_accept`, a listening socket for each worker, UDP alike. */
export const nginx: Dialect = {
  title: "nginx stream",
  role: "peer",
  versionArgs: ["-v"],
  fileName: "nginx.conf",
  configuration,
  args: ({ file, folder }) => ["-c", file, "-p", folder, "-e", "error.log"],
  environment: () => ({}),
  changeSignal: "SIGHUP",
  carriesDatagrams: true,
};

function configuration(layout: Layout): string {
  const connections = Math.min(40_000, layout.descriptors - 100);
  return `${existsSync(streamModule) ? `load_module ${streamModule};\n` : ""}daemon off;
worker_processes ${layout.workers};
worker_rlimit_nofile ${layout.descriptors};
pid nginx.pid;
error_log error.log warn;
events { worker_connections ${connections}; multi_accept on; }
stream {
  proxy_buffer_size 64k;
  proxy_half_close on;
  proxy_connect_timeout 5s;
  proxy_timeout 10m;
${routes.map((route) => section(layout, route)).join("")}  upstream echo { server 127.0.0.1:${layout.echo}; }
${datagramRoutes.map((route) => datagramSection(layout, route)).join("")}}
`;
}

function section({ ports, targets }: Layout, route: (typeof routes)[number]): string {
  const backends = targets[route].map((port) => ` server 127.0.0.1:${port};`);
  return `  upstream ${route} {${backends.join("")} }
  server { listen 127.0.0.1:${ports[route]} reuseport backlog=4096; proxy_pass ${route}; }
`;
}

function datagramSection({ datagramPorts }: Layout, route: DatagramRoute): string {
  const end = route === "exchanges" ? " proxy_responses 1;" : "";
  return `  server { listen 127.0.0.1:${datagramPorts[route]} udp reuseport; proxy_timeout 60s;${end} proxy_pass echo; }
`;
}
