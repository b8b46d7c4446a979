import { afterFailedDial, reasonOf } from "../connect/dialling.ts";
import { refusalText } from "../elect/elect.ts";
import type {
  DatagramEvent,
  DatagramRelay,
  DatagramTarget,
  SessionId,
} from "../engine/datagrams.ts";
import type { CloseReason } from "../engine/engine.ts";
import { admit, isAllowed, releasePlace, type Admission } from "../listen/admission.ts";
import { isOwnLack } from "../runtime/own-lack.ts";
import type { AccessTrace } from "./access-trace.ts";
import { OpenSession } from "./open-session.ts";
import { reasonOfElection } from "./reason-of-election.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { Stages } from "./stages.ts";
import { takeBackend } from "./take-backend.ts";
import { tellRefused, type Refusal } from "./tell-refused.ts";
import type { UdpTerms } from "./worker-protocol.ts";

/** What the stages of a session work with, inside one worker. */
export interface UdpStages extends Pick<
  Stages,
  "counters" | "counts" | "notices" | "access" | "placeOf" | "balancerOf"
> {
  readonly relay: Pick<DatagramRelay, "forward" | "refuse" | "evict" | "end">;
  /** Sessions that hold a place of their balancer, or have given it up for another one. */
  readonly sessions: Map<SessionId, OpenSession>;
}

type EventOf<Kind extends DatagramEvent["kind"]> = Extract<DatagramEvent, { kind: Kind }>;

/**
 * The life of a session, decided on once: access list and limits (`admit`), an election, and then
 * datagrams go both ways without anybody here being asked, until it ends. A datagram of a balancer
 * that keeps no sessions passes the same stages by itself, and leaves nothing.
 */
export function udpFlow(stages: UdpStages, event: DatagramEvent): void {
  switch (event.kind) {
    case "arrived":
      return onArrived(stages, event);
    case "session-failed":
      return onFailed(stages, event);
    case "session-ended":
      return onEnded(stages, event);
    case "target-refused":
      return onTargetRefused(stages, event);
    case "datagrams-dropped":
      return onDropped(stages, event);
  }
}

function onArrived(stages: UdpStages, event: EventOf<"arrived">): void {
  const balancer = stages.balancerOf(event.listener);
  const udp = balancer?.terms.udp;
  if (balancer === undefined || udp === undefined) return stages.relay.refuse(event.session);
  const isSingle = udp.listener.mode === "single";
  const trace = isSingle ? undefined : traceOf(stages, balancer, event);
  const session = new OpenSession(event, balancer, trace);
  const admission = letIn(stages, session);
  if (admission.kind === "denied") return turnAway(stages, session, admission);
  session.place = admission.place;
  session.isAdmitted = true;
  if (isSingle) return forwardSingle(stages, session, { udp, bytes: event.bytes });
  stages.sessions.set(session.id, session);
  forwardNext(stages, session, undefined);
}

function traceOf(
  { access, placeOf }: UdpStages,
  { terms }: ServedBalancer,
  { listener, peer }: EventOf<"arrived">,
): AccessTrace | undefined {
  if (terms.accessLog === undefined) return undefined;
  return access.begin(terms.accessLog, { peer, listener: placeOf(listener, peer) });
}

/** A full balancer makes room by the session that can be spared best; those of other workers stay. */
function letIn(stages: UdpStages, session: OpenSession): Admission {
  const { door } = session.balancer;
  const admission = admit(stages.counters, door, session);
  if (admission.kind === "admitted" || !admission.isBalancerFull) return admission;
  return makeRoom(stages, session) ? admit(stages.counters, door, session) : admission;
}

function makeRoom(stages: UdpStages, { listener, balancer }: OpenSession): boolean {
  const evicted = stages.relay.evict(listener);
  const spared = evicted === undefined ? undefined : stages.sessions.get(evicted);
  if (spared === undefined) return false;
  leave(stages, spared);
  stages.notices.add({ kind: "sessions-evicted", balancer: balancer.terms.key, count: 1 });
  return true;
}

/** Elects and forwards; when nobody is left, the client's datagrams are dropped. */
function forwardNext(stages: UdpStages, session: OpenSession, lastCode: string | undefined): void {
  const { id, balancer, tried } = session;
  const udp = balancer.terms.udp;
  const election = takeBackend(stages.counters, session);
  if (election.kind === "chosen" && udp !== undefined) {
    const { candidate } = election;
    session.backend = candidate;
    session.tried = [...tried, candidate.name];
    stages.counts.forwarded(candidate.slot);
    if (session.trace !== undefined) stages.access.connected(session.trace);
    return stages.relay.forward(id, targetOf(candidate), udp.session);
  }
  if (lastCode !== undefined) return turnAway(stages, session, refused(reasonOf(lastCode)));
  if (election.kind === "chosen") return turnAway(stages, session, refused("removed"));
  const reason = reasonOfElection(election);
  turnAway(stages, session, { reason, detail: refusalText(election) });
}

interface SingleDatagram {
  readonly udp: UdpTerms;
  readonly bytes: number;
}

function forwardSingle(
  stages: UdpStages,
  session: OpenSession,
  { udp, bytes }: SingleDatagram,
): void {
  const election = takeBackend(stages.counters, session);
  if (election.kind !== "chosen") {
    const reason = reasonOfElection(election);
    return turnAway(stages, session, { reason, detail: refusalText(election) });
  }
  stages.relay.forward(session.id, targetOf(election.candidate), udp.session);
  stages.counts.sentAlone(election.candidate.slot, bytes);
  leave(stages, session);
}

function onFailed(stages: UdpStages, { session: id, code }: EventOf<"session-failed">): void {
  const session = stages.sessions.get(id);
  // A datagram by itself is not tried on another backend: it would be late.
  if (session?.backend === undefined) return stages.relay.refuse(id);
  const { backend, balancer, tried, trace } = session;
  session.backend = undefined;
  if (trace !== undefined) trace.failure = code;
  stages.counts.forwardFailed(backend.slot, { isOwnLack: isOwnLack(code, backend.host) });
  const { key } = balancer.terms;
  stages.notices.add({ kind: "dial-failed", balancer: key, backend: backend.name, code, count: 1 });
  // The list may have changed since it came.
  if (!isAllowed(balancer.door, session)) {
    return turnAway(stages, session, refused("access-denied"));
  }
  if (isForWantOfRoom(code, balancer) && makeRoom(stages, session)) {
    session.tried = tried.slice(0, -1);
  }
  const next = afterFailedDial({ code, mayRetry: true, attempts: tried.length });
  if (next.kind === "try-another") return forwardNext(stages, session, code);
  turnAway(stages, session, refused(next.reason));
}

/**
 * No descriptor is left, or no port to send from: another session's end gives one back. A transparent
 * session needs its client's port and no other.
 */
function isForWantOfRoom(code: string, { terms }: ServedBalancer): boolean {
  if (outOfDescriptors.has(code)) return true;
  return code === "EADDRINUSE" && terms.udp?.listener.transparent === false;
}

const outOfDescriptors: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);

function onEnded(stages: UdpStages, event: EventOf<"session-ended">): void {
  const session = stages.sessions.get(event.session);
  if (session === undefined) return;
  stages.sessions.delete(session.id);
  const { backend, balancer, trace, tried } = session;
  if (backend !== undefined) {
    stages.counts.moved(backend.slot, session, event);
    if (event.reason === "backend-refused") {
      const { key } = balancer.terms;
      const { name } = backend;
      stages.counts.unheard(backend.slot);
      stages.notices.add({
        kind: "dial-failed",
        balancer: key,
        backend: name,
        code: refusedCode,
        count: 1,
      });
    } else if (event.rxDatagrams > 0) stages.counts.answered(backend.slot);
    stages.counts.disconnected(backend.slot);
  }
  leave(stages, session);
  if (trace !== undefined) stages.access.end(trace, { ...event, tried });
}

/** What a dial would have failed with. */
const refusedCode = "ECONNREFUSED";

function onTargetRefused(
  stages: UdpStages,
  { listener, target, count }: EventOf<"target-refused">,
): void {
  const balancer = stages.balancerOf(listener);
  const backend = balancer?.backendAt(target);
  if (balancer === undefined || backend === undefined) return;
  // Held while it is counted: the slot may be somebody else's by now.
  if (stages.counters.acquire(backend.slot, 0) !== "acquired") return;
  for (let each = 0; each < count; each += 1) stages.counts.unheard(backend.slot);
  stages.counters.release(backend.slot);
  const { key } = balancer.terms;
  stages.notices.add({
    kind: "dial-failed",
    balancer: key,
    backend: backend.name,
    code: refusedCode,
    count,
  });
}

function onDropped(
  stages: UdpStages,
  { listener, reason, count }: EventOf<"datagrams-dropped">,
): void {
  const balancer = stages.balancerOf(listener);
  if (balancer === undefined) return;
  stages.notices.add({ kind: "datagrams-dropped", balancer: balancer.terms.key, reason, count });
}

/** The places that it holds are free again. */
function leave({ counts }: UdpStages, session: OpenSession): void {
  if (session.place !== undefined) releasePlace(session.place);
  session.place = undefined;
  if (session.isAdmitted) counts.left(session.balancer.terms.slot);
  session.isAdmitted = false;
}

function refused(reason: CloseReason): Refusal {
  return { reason, detail: "" };
}

/** Nothing is sent anywhere, and nothing kept: counted, and told of. */
function turnAway(stages: UdpStages, session: OpenSession, refusal: Refusal): void {
  const { id, trace, balancer, tried } = session;
  const { reason } = refusal;
  tellRefused(stages, balancer, refusal);
  stages.sessions.delete(id);
  leave(stages, session);
  stages.relay.refuse(id);
  if (trace !== undefined) stages.access.end(trace, { tried, reason, ...nothingMoved });
}

const nothingMoved = { rxBytes: 0, txBytes: 0, rxDatagrams: 0, txDatagrams: 0 } as const;

function targetOf({ host, port }: DatagramTarget): DatagramTarget {
  return { host, port };
}
