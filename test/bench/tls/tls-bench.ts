/**
 * `npm run bench:tls`: TLS towards clients in our engines beside HAProxy, interleaved, on this host: the
 * same suite, groups, tickets and certificates for all. What is ours here is the engine with the
 * simplest of flows. Prints ratios and medians; no figure is a gate.
 *
 *     npm run bench:tls -- --rounds 5 --seconds 2 --pin 1 --rows tls-ecdsa,tls-bulk
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { Cleanup } from "../../support/processes.ts";
import { outputOf, findProgram } from "../../support/run-command.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { startHoldingBackend } from "../backends/holding-backend.ts";
import { pinTree } from "../contenders/pin-tree.ts";
import { Seat } from "../contenders/seat.ts";
import { otherProcessors } from "../other-processors.ts";
import { Raw } from "../raw.ts";
import { figureTable, ratioTable } from "../report/result-tables.ts";
import type { RowContext } from "../rows/row.ts";
import { runRow, type RowResult } from "../run-row.ts";
import { startBulkBackend } from "./bulk-backend.ts";
import { engineContender, haproxyContender, type TlsFiles } from "./tls-peers.ts";
import { tlsRows } from "./tls-rows.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    pin: { type: "string" },
    rows: { type: "string" },
    portable: { type: "boolean", default: false },
  },
});

const undo: (() => Promise<void>)[] = [];
try {
  console.log(await measured((one) => void undo.push(one)));
} finally {
  for (const one of undo.toReversed()) await one();
}

async function measured(cleanup: Cleanup): Promise<string> {
  const { pin } = values;
  const raw = new Raw(join(tmpdir(), `midstream-bench-tls-${process.pid}`));
  if (pin !== undefined) await pinTree(process.pid, otherProcessors(pin, cpus().length));
  const load = join(raw.folder, "tls-load");
  const source = join(import.meta.dirname, "tls-load.c");
  await outputOf(["cc", "-O2", "-pthread", "-rdynamic", "-o", load, source, "-lssl", "-lcrypto"]);
  const seats = await takeSeats(raw, cleanup);
  const results: RowResult[] = [];
  const notes: string[] = [];
  const wanted = values.rows?.split(",");
  for (const row of tlsRows({ load, wrk: await findProgram("wrk") })) {
    if (wanted !== undefined && !wanted.includes(row.name)) continue;
    console.error(`${row.title} …`);
    const outcome = await runRow(contextOf(raw, seats), row);
    if (outcome.result !== undefined) results.push(outcome.result);
    notes.push(...outcome.notes);
  }
  const columns = seats.map(({ contender }) => contender);
  return [
    ratioTable(columns, results, seededRandom(1)),
    figureTable(columns, results),
    ...columns.map(({ title, version }) => `- ${title}: ${version}`),
    ...notes,
  ].join("\n\n");
}

async function takeSeats(raw: Raw, cleanup: Cleanup): Promise<readonly Seat[]> {
  const material = {
    ecdsa: await selfSigned(raw, "ecdsa", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    rsa: await selfSigned(raw, "rsa", ["rsa:2048"]),
  };
  const web = await startBulkBackend(cleanup, raw.subfolder("backend"));
  const hold = await startHoldingBackend(cleanup);
  const targets = { keepAlive: [web], close: [web], bulk: [web], hold: [hold], halfClose: [web] };
  const contenders = [
    engineContender("native", material),
    ...(values.portable ? [engineContender("portable", material)] : []),
    await haproxyContender(
      "haproxy",
      process.env["MIDSTREAM_BENCH_HAPROXY"] ?? "haproxy",
      material,
    ),
    await haproxyContender("haproxy-newer", process.env["MIDSTREAM_BENCH_HAPROXY_NEWER"], material),
  ];
  const seats: Seat[] = [];
  for (const contender of contenders) {
    if (contender === undefined) continue;
    const folder = raw.subfolder(contender.name);
    const setting = { workers: 1, descriptors: 20_000, targets, echo: 0, folder, cleanup };
    seats.push(await Seat.take(contender, { setting, pin: values.pin }));
  }
  return seats;
}

function contextOf(raw: Raw, seats: readonly Seat[]): RowContext {
  const none = { keepAlive: [], close: [], bulk: [], hold: [], halfClose: [] };
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  const options = {
    ...{ rounds, seconds, workers: 1, idleConnections: 0, rows: [], contenders: [] },
    ...{ pin: values.pin, note: undefined, write: false },
  };
  const backends = { targets: none, changedTargets: none, echo: 0 };
  return {
    options,
    backends,
    tools: { wrk: undefined, iperf3: undefined, steady: undefined, datagrams: undefined },
    raw,
    seats,
  };
}

/** A key and a certificate for nobody in particular, as everybody shows it here. */
async function selfSigned(raw: Raw, name: string, kind: readonly string[]): Promise<TlsFiles> {
  const folder = raw.subfolder("certificates");
  const [key, certificate, both] = ["key", "crt", "pem"].map((end) =>
    join(folder, `${name}.${end}`),
  );
  if (key === undefined || certificate === undefined || both === undefined) throw new Error(name);
  const files = [
    "-nodes",
    "-keyout",
    key,
    "-out",
    certificate,
    "-days",
    "30",
    "-subj",
    "/CN=bench",
  ];
  await outputOf(["openssl", "req", "-x509", "-newkey", ...kind, ...files]);
  const [keyPem, certificatePem] = [readFileSync(key, "utf8"), readFileSync(certificate, "utf8")];
  writeFileSync(both, certificatePem + keyPem);
  return { keyPem, certificatePem, file: both };
}
