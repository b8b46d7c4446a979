import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

import { z } from "zod";

import { outputOf } from "../../support/run-command.ts";
import { wrkResultOf } from "../load/wrk.ts";
import { residentKb } from "../measure/process-usage.ts";
import { pause } from "../pause.ts";
import type { Measure, Row, Take } from "../rows/row.ts";

export interface TlsTools {
  readonly wrk: string | undefined;
  /** test/bench/tls/tls-load.c */
  readonly load: string;
}

const clients = 16;
const streams = 4;
const idleConnections = 2_000;
const openingAtOnce = 32;

const loadSchema = z.object({
  done: z.number(),
  failed: z.number(),
  resumed: z.number(),
  bytes: z.number(),
  seconds: z.number(),
});

/** Every row, in the order in which they are measured. */
export function tlsRows({ wrk, load }: TlsTools): readonly Row[] {
  const shake = (name: string, title: string, route: "close" | "halfClose", resumes: 0 | 1): Row =>
    rowOf({ name, title, measures: perUnit("handshake") }, async (seat, seconds) => {
      const args = [seat.running.ports[route], clients, seconds, "/", resumes];
      const before = seat.cpuMs;
      const result = await runLoad(load, args);
      const cpu = ((seat.cpuMs - before) * 1_000) / result.done;
      const strays = resumes === 1 ? result.done - result.resumed - clients : 0;
      const lost = result.failed + Math.max(0, strays);
      return { cpu, rate: result.done / result.seconds, lost };
    });
  return [
    shake("tls-ecdsa", "full handshakes, ECDSA P-256", "close", 0),
    shake("tls-rsa", "full handshakes, RSA-2048", "halfClose", 0),
    shake("tls-resumed", "resumed handshakes, TLS 1.3", "close", 1),
    ...(wrk === undefined ? [] : [keepAliveRow(wrk)]),
    bulkRow(load),
    idleRow,
  ];
}

function keepAliveRow(wrk: string): Row {
  const title = "keep-alive, 64 connections";
  const row = { name: "tls-keep-alive", title, measures: perUnit("request") };
  return rowOf(row, async (seat, seconds) => {
    const before = seat.cpuMs;
    const url = `https://127.0.0.1:${seat.running.ports.keepAlive}/`;
    const text = await outputOf([wrk, "-t1", "-c64", `-d${seconds}s`, url]);
    const result = wrkResultOf(text);
    const cpu = ((seat.cpuMs - before) * 1_000) / result.requests;
    return { cpu, rate: result.perSecond, lost: result.lost };
  });
}

function bulkRow(load: string): Row {
  const measures: readonly Measure[] = [
    { key: "cpu", title: "CPU ms/GB", use: "compared", better: "lower" },
    { key: "rate", title: "GB/s", use: "compared", better: "higher" },
  ];
  const row = { name: "tls-bulk", title: `bulk down, ${streams} streams`, measures };
  return rowOf(row, async (seat, seconds) => {
    const before = seat.cpuMs;
    const result = await runLoad(load, [seat.running.ports.bulk, streams, seconds, "/bulk", 0]);
    const gigabytes = result.bytes / 1e9;
    return { cpu: (seat.cpuMs - before) / gigabytes, rate: gigabytes / result.seconds };
  });
}

/** Resident memory that connections cost which have exchanged something and are silent now. */
const idleRow: Row = {
  ...rowOf(
    {
      name: "tls-idle",
      title: "idle connections",
      measures: [
        { key: "memory", title: "resident KB/connection", use: "compared", better: "lower" },
      ],
    },
    async (seat) => {
      const { pid, ports } = seat.running;
      for (const socket of await openIdle(ports.hold, openingAtOnce)) socket.destroy();
      await pause(500);
      const before = residentKb(pid);
      const sockets = await openIdle(ports.hold, idleConnections);
      await pause(500);
      const memory = (residentKb(pid) - before) / sockets.length;
      for (const socket of sockets) socket.destroy();
      return { memory };
    },
  ),
  fresh: true,
};

function perUnit(unit: string): readonly Measure[] {
  return [
    { key: "cpu", title: `CPU µs/${unit}`, use: "compared", better: "lower" },
    { key: "rate", title: `${unit}s/s`, use: "compared", better: "higher" },
    { key: "lost", title: `${unit}s lost`, use: "trouble", better: "lower" },
  ];
}

function rowOf(row: Pick<Row, "name" | "title" | "measures">, take: Take): Row {
  return { ...row, fresh: false, suits: () => true, prepare: () => Promise.resolve(take) };
}

async function runLoad(
  program: string,
  args: readonly (string | number)[],
): Promise<z.output<typeof loadSchema>> {
  return loadSchema.parse(JSON.parse(await outputOf([program, ...args.map(String)])));
}

async function openIdle(port: number, count: number): Promise<readonly TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  const left = Array.from({ length: count }, (_, index) => index).values();
  const open = async (): Promise<void> => {
    for (const _ of left) {
      const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
      socket.on("error", () => socket.destroy());
      await once(socket, "secureConnect");
      socket.write("hello");
      await once(socket, "data");
      sockets.push(socket);
    }
  };
  await Promise.all(Array.from({ length: openingAtOnce }, open));
  return sockets;
}
