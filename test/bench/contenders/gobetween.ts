import { routes } from "./contender.ts";
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

${routes.map((route) => section(layout, route)).join("\n")}`,
  args: ({ file }) => ["from-file", file],
  environment: ({ workers }) => ({ GOMAXPROCS: String(workers) }),
  changeSignal: undefined,
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
