import { errorText, Fault } from "#shared/base/fault.ts";
import { listenBacklog } from "#shared/base/limits.ts";
import type { Protocol } from "#shared/definition/balancer.ts";

import type { FlowProblem } from "../apply/flows.ts";
import type { AddressClaim, AddressClaims, InheritedAddress } from "../engine/address-claims.ts";
import type { ListenerId, ListenOutcome } from "../engine/engine.ts";
import {
  addressesOverlap,
  listenAddressesOf,
  listenAddressText,
  type ListenAddress,
} from "../listen/listen-addresses.ts";
import { bindProblem } from "./bind-problem.ts";
import type { BalancerKey, Command, Listening, ListeningSocket } from "./worker-protocol.ts";
import type { Workers } from "./workers.ts";

export interface BalancerListenersDeps {
  readonly workers: Workers;
  readonly claims: AddressClaims;
  readonly nextListener: () => ListenerId;
  readonly balancer: BalancerKey;
}

/** Binds as they are written, and what is spoken there. */
export interface SpokenBinds {
  readonly bind: readonly string[];
  readonly protocol: Protocol;
}

/** An address of a bind that is being listened on, by every worker. A range has many. */
interface OpenBind {
  /** The bind, as it is written. */
  readonly text: string;
  readonly address: ListenAddress;
  readonly listener: ListenerId;
  readonly claim: AddressClaim;
  readonly inherited: InheritedSockets;
}

/** What another process has left to listen on. */
interface InheritedSockets {
  /** By worker. */
  readonly first: ReadonlyMap<number, number>;
  /** More than there are workers: clients may wait in each of them, so each is a listener of its own. */
  readonly surplus: readonly (ListeningSocket & { readonly worker: number })[];
}

/** A listener that is closed, and how many connections that came in by it are open. */
export interface ClosedListener {
  readonly listener: ListenerId;
  readonly connections: number;
}

export type ListenersChange =
  | { readonly ok: true; readonly closed: readonly ClosedListener[] }
  | {
      readonly ok: false;
      readonly problems: readonly FlowProblem[];
      /** New listeners that were open for a moment: whoever came in by them has to go. */
      readonly closed: readonly ClosedListener[];
    };

/** Where a balancer listens in its last good form. */
type FormBind = Pick<OpenBind, "text" | "address" | "listener">;

type Claiming =
  | { readonly ok: true; readonly binds: readonly OpenBind[] }
  | { readonly ok: false; readonly problems: readonly FlowProblem[] };

/** Where one balancer listens, in every worker. */
export class BalancerListeners {
  readonly #deps: BalancerListenersDeps;
  #open: readonly OpenBind[] = [];
  #form: readonly FormBind[] = [];

  constructor(deps: BalancerListenersDeps) {
    this.#deps = deps;
  }

  /** The binds that are being listened on, as they are written. */
  get binds(): readonly string[] {
    return [...new Set(this.#open.map((bind) => bind.text))];
  }

  /**
   * Listens on exactly these binds. Those that stay are not touched; on failure all is as it was.
   * Nothing is listened on before every address is claimed. A new bind that overlaps one that goes
   * (a wildcard becomes one of its addresses) needs the old one closed first; otherwise new ones
   * open before old ones close.
   */
  async change(binds: SpokenBinds): Promise<ListenersChange> {
    const wanted = wantedOf(binds);
    const leaving = this.#open.filter((bind) => !wanted.has(listenAddressText(bind.address)));
    const open = new Set(this.#open.map(({ address }) => listenAddressText(address)));
    const adding = [...wanted].flatMap(([address, bind]) => (open.has(address) ? [] : [bind]));
    const inTheWay = leaving.filter((bind) => adding.some((wish) => meets(wish, bind)));
    const waiting = adding.filter((wish) => inTheWay.some((bind) => meets(wish, bind)));
    const free = await this.#claimAll(adding.filter((bind) => !waiting.includes(bind)));
    if (!free.ok) return this.#failed(free.problems, []);
    const closed = await this.#closeAll(inTheWay);
    const rest = await this.#claimAll(waiting);
    if (!rest.ok) {
      release(free.binds);
      return this.#failed(rest.problems, []);
    }
    const opened = [...free.binds, ...rest.binds];
    const problems = await this.#listenOnAll(opened, adding);
    if (problems.length > 0) return this.#failed(problems, await this.#closeAll(opened));
    this.#open = [...this.#open, ...opened].map((bind) => ({
      ...bind,
      // The same address may be a part of another range now.
      text: wanted.get(listenAddressText(bind.address))?.text ?? bind.text,
    }));
    const others = this.#open.filter(({ address }) => !wanted.has(listenAddressText(address)));
    const change = { ok: true, closed: [...closed, ...(await this.#closeAll(others))] } as const;
    this.#form = this.#open;
    return change;
  }

  /** Listens again on everything in a worker that replaces another one. */
  async restore(worker: number): Promise<readonly FlowProblem[]> {
    const restored = await Promise.all(
      this.#open.map(async (bind) => {
        const outcome = await this.#listen(worker, bind);
        return outcome.ok ? [] : [bindProblem({ text: bind.text, pointer: "/bind", outcome })];
      }),
    );
    return restored.flat();
  }

  /** What is listened on, with these sockets, for a successor to take over. */
  addresses(sockets: readonly ListeningSocket[]): readonly InheritedAddress[] {
    return this.#open.map((bind) => {
      const listeners = listenersOf(bind);
      const own = sockets.filter(({ listener }) => listeners.includes(listener));
      return {
        address: bind.claim.address,
        claim: bind.claim.descriptor(),
        sockets: own.map(({ descriptor }) => descriptor),
      };
    });
  }

  /** New clients are turned away everywhere; those that are there stay. Only `change` ends that. */
  async seal(): Promise<void> {
    const { workers } = this.#deps;
    const sealed = this.#open
      .flatMap(listenersOf)
      .map((listener) => workers.askAll((request) => ({ do: "seal", request, listener })));
    await Promise.all(sealed);
  }

  /** Whether it listens where somebody would like to. */
  meets(binds: SpokenBinds): boolean {
    const wanted = [...wantedOf(binds).values()];
    return this.#open.some((bind) => wanted.some((wish) => meets(wish, bind)));
  }

  /** Stops listening, and leaves the addresses to a successor that listens on the same sockets. */
  async leave(): Promise<void> {
    await this.#closeAll(this.#open, true);
    this.#form = [];
  }

  /** Gives all addresses back without asking the workers, which are no more. */
  abandon(): void {
    for (const { claim } of this.#open) claim.release();
    this.#open = [];
    this.#form = [];
  }

  /** All of them, or none. */
  async #claimAll(binds: readonly WantedBind[]): Promise<Claiming> {
    const { claims, nextListener } = this.#deps;
    const outcomes = await Promise.all(
      binds.map(async ({ text, address, pointer, listener }) => {
        const outcome = await claims.claim(address);
        if (!outcome.ok) {
          return { ok: false, problem: bindProblem({ text, pointer, outcome }) } as const;
        }
        const { claim } = outcome;
        const inherited = this.#inherited(claim);
        const bind = { text, address, listener: listener ?? nextListener(), claim, inherited };
        return { ok: true, bind } as const;
      }),
    );
    const claimed = outcomes.flatMap((one) => (one.ok ? [one.bind] : []));
    const problems = outcomes.flatMap((one) => (one.ok ? [] : [one.problem]));
    if (problems.length === 0) return { ok: true, binds: claimed };
    release(claimed);
    return { ok: false, problems };
  }

  #inherited(claim: AddressClaim): InheritedSockets {
    const { workers, nextListener } = this.#deps;
    const sockets = claim.takeSockets();
    const ownMax = claim.address.kind === "unix" ? 1 : workers.count;
    const surplus = sockets.slice(ownMax).map((descriptor, index) => ({
      descriptor,
      worker: index % workers.count,
      listener: nextListener(),
    }));
    return { first: new Map(sockets.slice(0, ownMax).entries()), surplus };
  }

  async #listenOnAll(
    binds: readonly OpenBind[],
    wanted: readonly WantedBind[],
  ): Promise<readonly FlowProblem[]> {
    const { workers } = this.#deps;
    const outcomes = await Promise.all(
      binds.map(async (bind) => {
        const { first, surplus } = bind.inherited;
        const listened = await Promise.all([
          ...Array.from({ length: workers.count }, (_, worker) =>
            this.#listen(worker, bind, first.get(worker)),
          ),
          ...surplus.map(({ worker, listener, descriptor }) =>
            this.#listen(worker, { ...bind, listener }, descriptor),
          ),
        ]);
        const outcome = listened.find((one) => !one.ok);
        if (outcome === undefined || outcome.ok) return [];
        const pointer = wanted.find(({ address }) => address === bind.address)?.pointer ?? "/bind";
        return [bindProblem({ text: bind.text, pointer, outcome })];
      }),
    );
    return outcomes.flat();
  }

  /**
   * A Unix socket cannot be shared by binding: the first worker alone listens there. Nor can an
   * address that was taken over from a process with a single worker.
   */
  async #listen(worker: number, bind: OpenBind, descriptor?: number): Promise<ListenOutcome> {
    const outcome = await this.#asked(worker, bind, descriptor);
    const isShared = descriptor === undefined && bind.inherited.first.size > 0;
    const isTaken = !outcome.ok && outcome.code === "EADDRINUSE";
    return isShared && isTaken ? { ok: true, port: 0 } : outcome;
  }

  async #asked(
    worker: number,
    { listener, claim }: OpenBind,
    descriptor: number | undefined,
  ): Promise<ListenOutcome> {
    const { workers, balancer } = this.#deps;
    const { address } = claim;
    if (address.kind === "unix" && worker > 0) return { ok: true, port: 0 };
    const reusePort = address.kind !== "unix" && workers.count > 1;
    const inherited = descriptor === undefined ? {} : { descriptor };
    const listening: Listening =
      address.kind === "udp"
        ? { kind: "datagrams", options: { address, reusePort, ...inherited } }
        : {
            kind: "connections",
            options: { address, reusePort, backlog: listenBacklog, ...inherited },
          };
    const command = (request: number): Command => ({
      do: "listen",
      request,
      balancer,
      listener,
      listening,
    });
    try {
      const answer = await workers.ask(worker, command);
      return answer.kind === "listened" ? answer.outcome : { ok: true, port: 0 };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { ok: false, code: "worker-lost", detail: errorText(error) };
    }
  }

  async #closeAll(
    binds: readonly OpenBind[],
    keepsAddress = false,
  ): Promise<readonly ClosedListener[]> {
    const closed = await Promise.all(binds.map((bind) => this.#close(bind, keepsAddress)));
    return closed.flat();
  }

  async #close(bind: OpenBind, keepsAddress: boolean): Promise<readonly ClosedListener[]> {
    this.#open = this.#open.filter((other) => other !== bind);
    const { workers } = this.#deps;
    const closed = await Promise.all(
      listenersOf(bind).map(async (listener) => {
        const unlisten = { do: "unlisten", listener, keepsAddress } as const;
        const connections = await workers.askAll((request) => ({ ...unlisten, request }));
        return { listener, connections };
      }),
    );
    bind.claim.release();
    return closed;
  }

  /** As it was: what was closed to make room, now or in vain before, is opened again. */
  async #failed(
    problems: readonly FlowProblem[],
    closed: readonly ClosedListener[],
  ): Promise<ListenersChange> {
    const open = new Set(this.#open.map(({ listener }) => listener));
    const lost = this.#form.filter(({ listener }) => !open.has(listener));
    const reopened = await Promise.all(lost.map((bind) => this.#reopen(bind)));
    return { ok: false, problems: [...problems, ...reopened.flat()], closed };
  }

  /** Somebody else may have been faster. It keeps its number: connections that came in by it are open. */
  async #reopen(bind: FormBind): Promise<readonly FlowProblem[]> {
    const wanted = { ...bind, pointer: "/bind" };
    const claimed = await this.#claimAll([wanted]);
    if (!claimed.ok) return claimed.problems;
    const problems = await this.#listenOnAll(claimed.binds, [wanted]);
    if (problems.length === 0) this.#open = [...this.#open, ...claimed.binds];
    else await this.#closeAll(claimed.binds);
    return problems;
  }
}

interface WantedBind {
  readonly text: string;
  readonly address: ListenAddress;
  readonly pointer: string;
  /** The number that it had before. */
  readonly listener?: ListenerId;
}

function listenersOf({ listener, inherited }: OpenBind): readonly ListenerId[] {
  return [listener, ...inherited.surplus.map((socket) => socket.listener)];
}

/** Each address that is asked for, by its text. */
function wantedOf({ bind, protocol }: SpokenBinds): ReadonlyMap<string, WantedBind> {
  const all = bind.flatMap((text, index) =>
    listenAddressesOf(text, protocol).map((address) => ({
      text,
      address,
      pointer: `/bind/${index}`,
    })),
  );
  return new Map(all.map((wish) => [listenAddressText(wish.address), wish]));
}

function meets(wish: WantedBind, bind: OpenBind): boolean {
  return addressesOverlap(wish.address, bind.address);
}

function release(binds: readonly OpenBind[]): void {
  for (const { claim } of binds) claim.release();
}
