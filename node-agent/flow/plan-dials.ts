import { connect, isIP, type LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import { planBackendsMax, planDialMsMax, planDialsMax } from "#shared/base/limits.ts";
import type { PlanProblem } from "#shared/wire/plan.ts";

import { inTurns } from "../discover/in-turns.ts";
import { lookupsExhausted } from "../runtime/name-lookup.ts";
import { isOwnLack } from "../runtime/own-lack.ts";
import { within } from "../runtime/within.ts";
import { doubt, type Seen } from "./plan-finding.ts";
import type { PlannedBackend } from "./plan-managed.ts";

export interface PlanDialsDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
}

export interface PlannedDials {
  readonly backends: readonly PlannedBackend[];
  /** UDP has no handshake that would tell something. */
  readonly isDialled: boolean;
  /** Monotonic moment after which nothing is begun. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
}

export interface DialledBackends {
  readonly resolvable: Seen;
  readonly dialable: Seen;
  readonly tried: number;
  readonly reachable: number;
}

/** What became of one backend. */
interface Tried {
  readonly resolving?: PlanProblem;
  readonly dialling?: PlanProblem;
  /** Neither of both could be found out. */
  readonly unsure?: PlanProblem;
  readonly isTried?: true;
  readonly isReachable?: true;
}

/**
 * Resolves the names of backends, and connects to each once and hangs up: the first
 * `planBackendsMax` of them, a few at a time, until the time is up.
 */
export async function plannedDials(
  deps: PlanDialsDeps,
  input: PlannedDials,
): Promise<DialledBackends> {
  const chosen = input.backends.slice(0, planBackendsMax);
  const tried = await inTurns(chosen, planDialsMax, (backend) => tryBackend(deps, input, backend));
  const left = input.backends.length - chosen.length;
  const unsure = [
    ...tried.flatMap((one) => one.unsure ?? []),
    ...(left > 0
      ? [doubt("/discovery", `backends beyond the ${planBackendsMax} tried: ${left}`)]
      : []),
  ];
  const resolving = tried.flatMap((one) => one.resolving ?? []);
  const unresolved = resolving.map(({ pointer }) => doubt(pointer, "it has no address to dial"));
  return {
    resolvable: { problems: resolving, doubts: unsure },
    dialable: {
      problems: tried.flatMap((one) => one.dialling ?? []),
      doubts: [...unsure, ...unresolved],
    },
    tried: tried.filter(({ isTried }) => isTried).length,
    reachable: tried.filter(({ isReachable }) => isReachable).length,
  };
}

async function tryBackend(
  deps: PlanDialsDeps,
  { untilMs, signal, isDialled }: PlannedDials,
  backend: PlannedBackend,
): Promise<Tried> {
  const { pointer, host, port } = backend;
  const leftMs = (): number => untilMs - deps.clock.monotonicMs();
  const text = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const late: Tried = { unsure: doubt(pointer, `${text}: the time was up before it was tried`) };
  if (leftMs() <= 0 || signal.aborted) return late;
  const noAddress = await unresolved(deps, host, leftMs());
  if (noAddress === "late") return late;
  if (noAddress === lookupsExhausted) {
    return { unsure: doubt(pointer, `${text}: this node looks up too many names`) };
  }
  if (noAddress !== undefined) {
    return { resolving: { pointer, code: noAddress, detail: `${text}: the name has no address` } };
  }
  if (!isDialled) return {};
  const boundMs = Math.min(planDialMsMax, leftMs());
  if (boundMs <= 0) return late;
  const code = await dialled(deps, { host, port, boundMs, signal });
  if (code === undefined) return { isTried: true, isReachable: true };
  if (isOwnLack(code, host)) return { unsure: doubt(pointer, `${text}: this node lacks ${code}`) };
  const detail = `${text}: it does not accept a connection (${code})`;
  return { isTried: true, dialling: { pointer, code, detail } };
}

/** Why a name has no address; undefined when it has one. */
async function unresolved(
  { clock, lookup }: PlanDialsDeps,
  host: string,
  withinMs: number,
): Promise<string | undefined> {
  if (isIP(host) !== 0) return undefined;
  const looked = new Promise<string | undefined>((resolve) => {
    lookup(host, { all: true }, (error) =>
      resolve(error === null ? undefined : (systemErrorCode(error) ?? "EUNKNOWN")),
    );
  });
  return within(clock, looked, { ms: withinMs, otherwise: "late" });
}

interface Dial {
  readonly host: string;
  readonly port: number;
  readonly boundMs: number;
  readonly signal: AbortSignal;
}

/** Why nobody answered; undefined when the backend accepted. The connection is gone afterwards. */
function dialled(
  { clock, lookup }: PlanDialsDeps,
  { host, port, boundMs, signal }: Dial,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, lookup });
    const end = (code: string | undefined): void => {
      timer.stop();
      signal.removeEventListener("abort", onAbort);
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
      resolve(code);
    };
    const onAbort = (): void => end("ECANCELED");
    const timer = clock.after(boundMs, () => end("ETIMEDOUT"));
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => end(undefined));
    socket.on("error", (error) => end(systemErrorCode(error) ?? "EUNKNOWN"));
  });
}
