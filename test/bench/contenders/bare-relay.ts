import { datagramRoutes, routes } from "./contender.ts";
import type { Dialect } from "./peer.ts";

/** The limit (test/bench/limit/relay.c): told everything on its command line, one backend a route. */
export const bareRelay: Dialect = {
  title: "bare relay",
  role: "limit",
  versionArgs: [],
  fileName: "none",
  configuration: () => "",
  args: ({ workers, ports, targets, datagramPorts, echo }) => [
    String(workers),
    ...routes.map((route) => `${ports[route]}:${targets[route][0]}`),
    ...datagramRoutes.map(
      (route) => `${datagramPorts[route]}:${echo}:${route === "sessions" ? "udp" : "udp-once"}`,
    ),
  ],
  environment: () => ({}),
  changeSignal: undefined,
  carriesDatagrams: true,
};
