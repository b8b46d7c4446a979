import { routes, type Route } from "./contender.ts";
import type { Dialect, Layout } from "./peer.ts";

/** Envoy allows a cluster 1,024 connections unless told otherwise. */
const connectionsMax = 100_000;

/** Envoy's TCP proxy with as many workers as everybody; no admin port, no hot restart. */
export const envoy: Dialect = {
  title: "Envoy",
  role: "peer",
  versionArgs: ["--version"],
  fileName: "envoy.json",
  configuration: (layout) =>
    JSON.stringify(
      {
        static_resources: {
          listeners: routes.map((route) => listener(layout, route)),
          clusters: routes.map((route) => cluster(layout, route)),
        },
      },
      undefined,
      1,
    ),
  args: ({ file, workers }) => [
    ...["-c", file, "--concurrency", String(workers)],
    ...["--disable-hot-restart", "-l", "warn"],
  ],
  environment: () => ({}),
  changeSignal: undefined,
};

function listener({ ports }: Layout, route: Route): object {
  const proxy = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    stat_prefix: route,
    cluster: route,
  };
  return {
    name: route,
    address: address(ports[route]),
    filter_chains: [
      { filters: [{ name: "envoy.filters.network.tcp_proxy", typed_config: proxy }] },
    ],
  };
}

function cluster({ targets }: Layout, route: Route): object {
  const endpoints = targets[route].map((port) => ({ endpoint: { address: address(port) } }));
  return {
    name: route,
    type: "STATIC",
    connect_timeout: "5s",
    circuit_breakers: {
      thresholds: [{ max_connections: connectionsMax, max_pending_requests: connectionsMax }],
    },
    load_assignment: { cluster_name: route, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
