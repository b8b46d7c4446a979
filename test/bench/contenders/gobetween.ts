import { datagramRoutes, routes, type DatagramRoute } from "./contender.ts";
import type { Dialect, Layout } from "./peer.ts";

/** gobetween, held to as many threads of Go code as everybody. */
export const gobetween: Dialect = {
  title: "gobetween",
  role: "peer",
  versionArgs: ["--version"],
  fileName: "gobetween.toml",
  configuration: (layout) => `[logging]
level = "warn"

[api]
enabled = false

${routes.map((route) => section(layout, route)).join("\n")}
${datagramRoutes.map((route) => datagramSection(layout, route)).join("\n")}`,
  args: ({ file }) => ["from-file", file],
  environment: ({ workers }) => ({ GOMAXPROCS: String(workers) }),
  changeSignal: undefined,
  carriesDatagrams: true,
};

function section({ ports, targets }: Layout, route: (typeof routes)[number]): string {
  const backends = targets[route].map((port) => `"127.0.0.1:${port}"`);
  return `[servers.${route}]
bind = "127.0.0.1:${ports[route]}"
protocol = "tcp"
balance = "roundrobin"

[servers.${route}.discovery]
kind = "static"
static_list = [${backends.join(", ")}]
`;
}

function datagramSection({ datagramPorts, echo }: Layout, route: DatagramRoute): string {
  return `[servers.${route}]
bind = "127.0.0.1:${datagramPorts[route]}"
protocol = "udp"
balance = "roundrobin"
client_idle_timeout = "60s"

[servers.${route}.udp]
max_responses = ${route === "exchanges" ? 1 : 0}

[servers.${route}.discovery]
kind = "static"
static_list = ["127.0.0.1:${echo}"]
`;
}
