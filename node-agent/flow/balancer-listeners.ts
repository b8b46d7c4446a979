import { errorText, Fault } from "#shared/base/fault.ts";
import { listenBacklog } from "#shared/base/limits.ts";
import { parseBind } from "#shared/definition/bind.ts";
import { clashes } from "#shared/validation/bind-clash.ts";

import type { FlowProblem } from "../apply/flows.ts";
import type { AddressClaim, AddressClaims } from "../engine/address-claims.ts";
import type { ListenerId, ListenOutcome } from "../engine/engine.ts";
import { listenAddressOf } from "../listen/listen-addresses.ts";
import type { BalancerKey, Command } from "./worker-protocol.ts";
import type { Workers } from "./workers.ts";

export interface BalancerListenersDeps {
  readonly workers: Workers;
  readonly claims: AddressClaims;
  readonly nextListener: () => ListenerId;
  readonly balancer: BalancerKey;
}

/** A bind that is being listened on, by every worker. */
interface OpenBind {
  readonly text: string;
  readonly listener: ListenerId;
  readonly claim: AddressClaim;
}

/** A listener that is closed, and how many connections that came in by it are open. */
export interface ClosedListener {
  readonly listener: ListenerId;
  readonly connections: number;
}

export type ListenersChange =
  | { readonly ok: true; readonly closed: readonly ClosedListener[] }
  | { readonly ok: false; readonly problems: readonly FlowProblem[] };

type Opening =
  | { readonly ok: true; readonly bind: OpenBind }
  | { readonly ok: false; readonly problem: FlowProblem };

/** Where one balancer listens, in every worker. */
export class BalancerListeners {
  readonly #deps: BalancerListenersDeps;
  #open: readonly OpenBind[] = [];

  constructor(deps: BalancerListenersDeps) {
    this.#deps = deps;
  }

  /** The binds that are being listened on, as they are written. */
  get binds(): readonly string[] {
    return this.#open.map((bind) => bind.text);
  }

  /**
   * Listens on exactly these binds. Those that stay are not touched; on failure all is as it was.
   * A new bind that overlaps one that goes (a wildcard becomes one of its addresses) needs the old
   * one closed first; otherwise new ones open before old ones close.
   */
  async change(wanted: readonly string[]): Promise<ListenersChange> {
    const leaving = this.#open.filter((bind) => !wanted.includes(bind.text));
    const adding = wanted.filter((text) => !this.binds.includes(text));
    const inTheWay = leaving.filter((bind) => adding.some((text) => overlaps(text, bind.text)));
    const closed = await this.#closeAll(inTheWay);
    const openings = await Promise.all(
      adding.map((text) => this.#openBind(text, `/bind/${wanted.indexOf(text)}`)),
    );
    const opened = openings.flatMap((one) => (one.ok ? [one.bind] : []));
    const problems = openings.flatMap((one) => (one.ok ? [] : [one.problem]));
    if (problems.length > 0) {
      await this.#closeAll(opened);
      return { ok: false, problems: [...problems, ...(await this.#reopen(inTheWay))] };
    }
    this.#open = [...this.#open, ...opened];
    const rest = leaving.filter((bind) => !inTheWay.includes(bind));
    return { ok: true, closed: [...closed, ...(await this.#closeAll(rest))] };
  }

  /** Listens again on everything in a worker that replaces another one. */
  async restore(worker: number): Promise<readonly FlowProblem[]> {
    const restored = await Promise.all(
      this.#open.map(async (bind) => {
        const outcome = await this.#listen(worker, bind);
        return outcome.ok ? [] : [problemOf({ text: bind.text, pointer: "/bind", outcome })];
      }),
    );
    return restored.flat();
  }

  /** Gives all addresses back without asking the workers, which are no more. */
  abandon(): void {
    for (const { claim } of this.#open) claim.release();
    this.#open = [];
  }

  async #openBind(text: string, pointer: string): Promise<Opening> {
    const { claims, nextListener, workers } = this.#deps;
    const outcome = await claims.claim(listenAddressOf(text));
    if (!outcome.ok) return { ok: false, problem: problemOf({ text, pointer, outcome }) };
    const bind: OpenBind = { text, listener: nextListener(), claim: outcome.claim };
    const listened = await Promise.all(
      Array.from({ length: workers.count }, (_, worker) => this.#listen(worker, bind)),
    );
    const failed = listened.find((one) => !one.ok);
    if (failed === undefined || failed.ok) return { ok: true, bind };
    await this.#close(bind);
    return { ok: false, problem: problemOf({ text, pointer, outcome: failed }) };
  }

  /** A Unix socket cannot be shared by binding: the first worker alone listens there. */
  async #listen(worker: number, { listener, claim }: OpenBind): Promise<ListenOutcome> {
    const { workers, balancer } = this.#deps;
    const { address } = claim;
    if (address.kind === "unix" && worker > 0) return { ok: true, port: 0 };
    const reusePort = address.kind === "tcp" && workers.count > 1;
    const options = { address, reusePort, backlog: listenBacklog };
    const command = (request: number): Command => ({
      do: "listen",
      request,
      balancer,
      listener,
      options,
    });
    try {
      const answer = await workers.ask(worker, command);
      return answer.kind === "listened" ? answer.outcome : { ok: true, port: 0 };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { ok: false, code: "worker-lost", detail: errorText(error) };
    }
  }

  async #closeAll(binds: readonly OpenBind[]): Promise<readonly ClosedListener[]> {
    return Promise.all(binds.map((bind) => this.#close(bind)));
  }

  async #close(bind: OpenBind): Promise<ClosedListener> {
    const { listener } = bind;
    this.#open = this.#open.filter((other) => other !== bind);
    const { workers } = this.#deps;
    const connections = await workers.askAll((request) => ({ do: "unlisten", request, listener }));
    bind.claim.release();
    return { listener, connections };
  }

  /** What was closed to make room is opened again; somebody else may have been faster. */
  async #reopen(binds: readonly OpenBind[]): Promise<readonly FlowProblem[]> {
    const openings = await Promise.all(binds.map((bind) => this.#openBind(bind.text, "/bind")));
    this.#open = [...this.#open, ...openings.flatMap((one) => (one.ok ? [one.bind] : []))];
    return openings.flatMap((one) => (one.ok ? [] : [one.problem]));
  }
}

/** Whether the system would refuse to listen on both. What is spoken is TCP in either case. */
function overlaps(one: string, other: string): boolean {
  const spoken = (text: string) => ({ bind: parseBind(text), protocol: "tcp" as const });
  return clashes(spoken(one), spoken(other));
}

interface FailedBind {
  readonly text: string;
  readonly pointer: string;
  readonly outcome: { readonly code: string; readonly detail: string };
}

function problemOf({ text, pointer, outcome }: FailedBind): FlowProblem {
  return { pointer, code: outcome.code, detail: `${text}: ${inWords(outcome)}` };
}

function inWords({ code, detail }: FailedBind["outcome"]): string {
  switch (code) {
    case "EADDRINUSE":
      return "something on this node listens there already";
    case "EACCES":
      return "this agent may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE";
    case "EADDRNOTAVAIL":
      return "this node does not have that address";
    default:
      return detail;
  }
}
