import { routes } from "./contender.ts";
import type { Dialect, Layout } from "./peer.ts";

/** More than any row has streams in bulk; each costs two descriptors. */
const pipes = 512;
/** For listeners, event queues and the like. */
const descriptorsBesides = 100;

/** HAProxy at layer 4: `splice-auto`, as many threads as everybody. */
export const haproxy: Dialect = {
  title: "HAProxy",
  role: "peer",
  versionArgs: ["-v"],
  fileName: "haproxy.cfg",
  configuration,
  // A master in the foreground, so that it can be told to read its file again.
  args: ({ file }) => ["-W", "-db", "-f", file],
  environment: () => ({}),
  changeSignal: "SIGUSR2",
  carriesDatagrams: false,
};

function configuration(layout: Layout): string {
  const connections = Math.min(
    20_000,
    Math.floor((layout.descriptors - descriptorsBesides) / 2) - pipes,
  );
  return `global
  nbthread ${layout.workers}
  maxconn ${connections}
  maxpipes ${pipes}

defaults
  mode tcp
  option splice-auto
  maxconn ${connections}
  timeout connect 5s
  timeout client 10m
  timeout server 10m

${routes.map((route) => listen(layout, route)).join("\n")}`;
}

function listen({ ports, targets }: Layout, route: (typeof routes)[number]): string {
  const backends = targets[route].map((port) => `  server b${port} 127.0.0.1:${port}\n`);
  return `listen ${route}\n  bind 127.0.0.1:${ports[route]}\n${backends.join("")}`;
}
