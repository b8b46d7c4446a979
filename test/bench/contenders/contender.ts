import type { Cleanup } from "../../support/processes.ts";

/** What a contender relays to: each a port of its own, so that one start serves every row. */
export const routes = ["keepAlive", "close", "bulk", "hold", "halfClose"] as const;
export type Route = (typeof routes)[number];

/** Where a contender listens. */
export type Ports = Readonly<Record<Route, number>>;

/** UDP: where sessions stay while somebody speaks, and where each ends with its first reply. */
export const datagramRoutes = ["sessions", "exchanges"] as const;
export type DatagramRoute = (typeof datagramRoutes)[number];

/** Where a contender takes datagrams. */
export type DatagramPorts = Readonly<Record<DatagramRoute, number>>;

/** Ports of the backends behind each route. */
export type Targets = Readonly<Record<Route, readonly number[]>>;

/** Ours are compared with the peers; the limit is shown beside them. */
export type Role = "ours" | "peer" | "limit";

/** What every contender is given, the same for all. */
export interface Setting {
  readonly workers: number;
  /** Files that it may have open. */
  readonly descriptors: number;
  readonly targets: Targets;
  /** The port of the backend behind every UDP route, which sends datagrams back. */
  readonly echo: number;
  /** For its configuration and its log. */
  readonly folder: string;
  readonly cleanup: Cleanup;
}

/** One that could take part. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  readonly role: Role;
  /** What it says its version is, on one line. */
  readonly version: string;
  /** Starts it; it listens on all ports then. Fails with its output when it ends instead. */
  start(setting: Setting): Promise<RunningContender>;
}

export interface RunningContender {
  /** The process whose tree does all the work. */
  readonly pid: number;
  readonly ports: Ports;
  /** Undefined: it relays no UDP. */
  readonly datagramPorts: DatagramPorts | undefined;
  /** As it was started. */
  readonly commandLine: string;
  stop(): Promise<void>;
  /** Changes the backends without ending anything; undefined when it cannot. */
  readonly change: ((targets: Targets) => Promise<void>) | undefined;
}
