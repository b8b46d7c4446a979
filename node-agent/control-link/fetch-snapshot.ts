import { Fault } from "#shared/base/fault.ts";
import { snapshotBytesMax, snapshotFetchMsMax } from "#shared/base/limits.ts";
import { snapshotSchema, type Snapshot } from "#shared/snapshot/snapshot.ts";
import type { RefFrame } from "#shared/wire/control-frames.ts";
import { controlTimeHeader } from "#shared/wire/protocol.ts";

import { controlAddress, pathBelow } from "./control-url.ts";
import { httpCall, type HttpAnswer } from "./http-call.ts";
import type { NodeSigner } from "./node-signer.ts";

export interface FetchDeps {
  /** Base URL of the control plane. */
  readonly control: string;
  readonly ca: string | undefined;
  readonly signer: NodeSigner;
  /** The number of the link that brought the address. */
  readonly generation: () => number;
}

/** Hashes, ids and sealed secrets come on top of the bodies. */
const answerBytesMax = 2 * snapshotBytesMax;

/**
 * Pulls a whole snapshot. Its version and signature are the `ref`'s: the same entries may have been
 * published at several revisions. Nothing is verified here.
 *
 * @throws Fault `control-link/…` when it cannot be had: unreachable, refused, too big, not a snapshot
 */
export async function fetchSnapshot(deps: FetchDeps, ref: RefFrame): Promise<Snapshot> {
  const target = snapshotAddress(deps.control, ref.url);
  let answer = await pulled(deps, target);
  const controlTimeMs = controlTimeOf(answer.headers[controlTimeHeader]);
  // Nobody else's word counts for what time it is at the control plane.
  if (answer.status === 401 && controlTimeMs !== null && target.signedPath !== undefined) {
    deps.signer.correctTo(controlTimeMs);
    answer = await pulled(deps, target);
  }
  if (answer.status !== 200) throw refused(answer.status);
  return { ...parsed(answer.body), version: ref.to, signature: ref.signature };
}

/** What a control plane says its time is; null when it says none. */
export function controlTimeOf(header: string | undefined): number | null {
  const ms = Number(header ?? Number.NaN);
  return Number.isSafeInteger(ms) && ms > 0 ? ms : null;
}

interface SnapshotTarget {
  readonly url: URL;
  /** What the node signs; undefined where its signature does not go. */
  readonly signedPath: string | undefined;
}

/**
 * Absolute addresses may lead elsewhere (a store of large objects); the node's signature goes only
 * to the control plane itself. What came over TLS leads to nothing that is readable on the way.
 */
function snapshotAddress(control: string, address: string): SnapshotTarget {
  // `//elsewhere/` starts like a path and is none, so it is the outcome that decides.
  const url = address.startsWith("/") ? controlAddress(control, address) : URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw notASnapshot("its address is not a URL");
  }
  if (url.protocol === "http:" && new URL(control).protocol === "https:") {
    throw notASnapshot("its address leads from https to http");
  }
  return { url, signedPath: pathBelow(control, url) };
}

function pulled(deps: FetchDeps, { url, signedPath }: SnapshotTarget): Promise<HttpAnswer> {
  return httpCall({
    method: "GET",
    url,
    headers: signedPath === undefined ? {} : signedHeaders(deps, signedPath),
    ca: deps.ca,
    timeoutMs: snapshotFetchMsMax,
    bytesMax: answerBytesMax,
  });
}

function signedHeaders(
  { signer, generation }: FetchDeps,
  path: string,
): Readonly<Record<string, string>> {
  return { authorization: signer.authorization({ method: "GET", path }, generation()) };
}

function parsed(body: string): Snapshot {
  try {
    return snapshotSchema.parse(JSON.parse(body));
  } catch (cause) {
    throw notASnapshot("it has not the form of one", cause);
  }
}

function refused(status: number): Fault {
  const message = `the control plane answered ${status} to the request for a snapshot`;
  return new Fault({ code: "control-link/snapshot-refused", owner: "platform", message });
}

function notASnapshot(why: string, cause?: unknown): Fault {
  const message = `what was pulled is not a snapshot: ${why}`;
  return new Fault({ code: "control-link/not-a-snapshot", owner: "platform", message, cause });
}
