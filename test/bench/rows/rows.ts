import { bulkRow } from "./bulk-row.ts";
import { datagramRow } from "./datagram-row.ts";
import { idleMemoryRow } from "./idle-memory-row.ts";
import { idleSessionsRow } from "./idle-sessions-row.ts";
import { latencyRow } from "./latency-row.ts";
import { reloadRow } from "./reload-row.ts";
import type { rowNames } from "./row-names.ts";
import type { Row } from "./row.ts";
import { webRow } from "./web-row.ts";

/** Every row by its name, in the order of `rowNames`. */
export const rows: Readonly<Record<(typeof rowNames)[number], Row>> = {
  "keep-alive-64": webRow({
    name: "keep-alive-64",
    title: "keep-alive, 64 connections",
    connections: 64,
    closing: false,
  }),
  "keep-alive-512": webRow({
    name: "keep-alive-512",
    title: "keep-alive, 512 connections",
    connections: 512,
    closing: false,
  }),
  "new-connections": webRow({
    name: "new-connections",
    title: "new connections, 64 at a time",
    connections: 64,
    closing: true,
  }),
  "bulk-up": bulkRow("up"),
  "bulk-down": bulkRow("down"),
  latency: latencyRow,
  "idle-memory": idleMemoryRow,
  reload: reloadRow,
  "udp-hot": datagramRow({
    name: "udp-hot",
    title: "UDP, one hot session",
    clients: 1,
    underWay: 128,
    clientsStay: true,
    rate: "saturated",
  }),
  "udp-saturated": datagramRow({
    name: "udp-saturated",
    title: "UDP, 64 sessions",
    clients: 64,
    underWay: 4,
    clientsStay: true,
    rate: "saturated",
  }),
  "udp-steady": datagramRow({
    name: "udp-steady",
    title: "UDP, 64 sessions at half the best peer's peak",
    clients: 64,
    underWay: 4,
    clientsStay: true,
    rate: "half",
  }),
  "udp-bursts": datagramRow({
    name: "udp-bursts",
    title: "UDP, 64 sessions at half the best peer's peak, 40 datagrams at a time",
    clients: 64,
    underWay: 4,
    clientsStay: true,
    rate: "half",
    atOnce: 40,
  }),
  "udp-new-sessions": datagramRow({
    name: "udp-new-sessions",
    title: "UDP, new sessions, 64 at a time",
    clients: 64,
    underWay: 1,
    clientsStay: false,
    rate: "saturated",
  }),
  "udp-idle-memory": idleSessionsRow,
};
