import { Fault } from "#shared/base/fault.ts";
import { snapshotBytesMax, snapshotFetchMsMax } from "#shared/base/limits.ts";
import { snapshotSchema, type Snapshot } from "#shared/snapshot/snapshot.ts";
import type { RefFrame } from "#shared/wire/control-frames.ts";
import { controlTimeHeader } from "#shared/wire/protocol.ts";

import { controlAddress } from "./control-url.ts";
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
  const url = snapshotAddress(deps.control, ref.url);
  let answer = await pulled(deps, url);
  const controlTimeMs = controlTimeOf(answer.headers[controlTimeHeader]);
  if (answer.status === 401 && controlTimeMs !== null) {
    deps.signer.correctTo(controlTimeMs);
    answer = await pulled(deps, url);
  }
  if (answer.status !== 200) throw refused(answer.status);
  return { ...parsed(answer.body), version: ref.to, signature: ref.signature };
}

/** What a control plane says its time is; null when it says none. */
export function controlTimeOf(header: string | undefined): number | null {
  const ms = Number(header ?? Number.NaN);
  return Number.isSafeInteger(ms) && ms > 0 ? ms : null;
}

/**
 * Absolute addresses may lead elsewhere (a store of large objects); the node's signature goes only
 * to the control plane itself.
 */
function snapshotAddress(
  control: string,
  address: string,
): { readonly url: URL; readonly signed: boolean } {
  // `//elsewhere/` starts like a path and is none, so it is the origin that decides.
  const url = address.startsWith("/") ? controlAddress(control, address) : URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw notASnapshot("its address is not a URL");
  }
  return { url, signed: url.origin === new URL(control).origin };
}

function pulled(
  deps: FetchDeps,
  target: { readonly url: URL; readonly signed: boolean },
): Promise<HttpAnswer> {
  const { url, signed } = target;
  const request = { method: "GET", path: url.pathname };
  const authorization = deps.signer.authorization(request, deps.generation());
  return httpCall({
    method: "GET",
    url,
    headers: signed ? { authorization } : {},
    ca: deps.ca,
    timeoutMs: snapshotFetchMsMax,
    bytesMax: answerBytesMax,
  });
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
