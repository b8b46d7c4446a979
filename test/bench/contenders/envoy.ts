import { datagramRoutes, routes, type DatagramRoute, type Route } from "./contender.ts";
import type { Dialect, Layout } from "./peer.ts";

/** Envoy allows a cluster 1,024 connections unless told otherwise. */
const connectionsMax = 100_000;

/** Envoy's TCP and UDP proxies with as many workers as everybody; no admin port, no hot restart. */
export const envoy: Dialect = {
  title: "Envoy",
  role: "peer",
  versionArgs: ["--version"],
  fileName: "envoy.json",
  configuration: (layout) =>
    JSON.stringify(
      {
        static_resources: {
          listeners: [
            ...routes.map((route) => listener(layout, route)),
            ...datagramRoutes.map((route) => datagramListener(layout, route)),
          ],
          clusters: [
            ...routes.map((route) => cluster(route, layout.targets[route])),
            cluster("echo", [layout.echo]),
          ],
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
  carriesDatagrams: true,
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

/** It has no limit of replies: a session of `exchanges` has its descriptor until it was silent so long. */
function datagramListener({ datagramPorts }: Layout, route: DatagramRoute): object {
  const proxy = {
    "@type": "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig",
    stat_prefix: route,
    idle_timeout: route === "exchanges" ? "0.2s" : "60s",
    matcher: {
      on_no_match: {
        action: {
          name: "route",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.Route",
            cluster: "echo",
          },
        },
      },
    },
  };
  return {
    name: route,
    address: address(datagramPorts[route], "UDP"),
    listener_filters: [{ name: "envoy.filters.udp_listener.udp_proxy", typed_config: proxy }],
  };
}

function cluster(name: string, ports: readonly number[]): object {
  const endpoints = ports.map((port) => ({ endpoint: { address: address(port) } }));
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    circuit_breakers: {
      thresholds: [{ max_connections: connectionsMax, max_pending_requests: connectionsMax }],
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function address(port: number, protocol: "TCP" | "UDP" = "TCP"): object {
  return { socket_address: { protocol, address: "127.0.0.1", port_value: port } };
}
