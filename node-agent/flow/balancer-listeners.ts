import type { FlowProblem } from "../apply/flows.ts";
import type { InheritedAddress } from "../engine/address-claims.ts";
import type { ListenerId } from "../engine/engine.ts";
import { addressesOverlap, listenAddressText } from "../listen/listen-addresses.ts";
import { bindProblem } from "./bind-problem.ts";
import {
  claimBinds,
  listenersOf,
  releaseBinds,
  type ClaimBindsDeps,
  type ClaimedBind,
} from "./claim-binds.ts";
import type { UnopenedBind } from "./restored-listeners.ts";
import {
  SharedListeners,
  type ClosedListener,
  type SharedListenersDeps,
} from "./shared-listeners.ts";
import { wantedBinds, type SpokenBinds, type WantedBind } from "./wanted-binds.ts";
import type { ListeningSocket } from "./worker-protocol.ts";

export type BalancerListenersDeps = ClaimBindsDeps & SharedListenersDeps;

export type ListenersChange =
  | { readonly ok: true; readonly closed: readonly ClosedListener[] }
  | {
      readonly ok: false;
      readonly problems: readonly FlowProblem[];
      /** New listeners that were open for a moment: whoever came in by them has to go. */
      readonly closed: readonly ClosedListener[];
    };

/** Where a balancer listens in its last good form. */
type FormBind = Pick<ClaimedBind, "text" | "address" | "listener">;

/** Where one balancer listens, in every worker. */
export class BalancerListeners {
  readonly #deps: BalancerListenersDeps;
  readonly #listeners: SharedListeners;
  #open: readonly ClaimedBind[] = [];
  #form: readonly FormBind[] = [];

  constructor(deps: BalancerListenersDeps) {
    this.#deps = deps;
    this.#listeners = new SharedListeners(deps);
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
    const wanted = wantedBinds(binds);
    const leaving = this.#open.filter((bind) => !wanted.has(listenAddressText(bind.address)));
    const open = new Set(this.#open.map(({ address }) => listenAddressText(address)));
    const adding = [...wanted].flatMap(([address, bind]) => (open.has(address) ? [] : [bind]));
    const inTheWay = leaving.filter((bind) => adding.some((wish) => meets(wish, bind)));
    const waiting = adding.filter((wish) => inTheWay.some((bind) => meets(wish, bind)));
    const free = await claimBinds(
      this.#deps,
      adding.filter((bind) => !waiting.includes(bind)),
    );
    if (!free.ok) return this.#failed(free.problems, []);
    const closed = await this.#closeAll(inTheWay);
    const rest = await claimBinds(this.#deps, waiting);
    if (!rest.ok) {
      releaseBinds(free.binds);
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

  /** Listens in a worker that replaces another one: on everything, or on these listeners of it. */
  async restore(
    worker: number,
    listeners?: readonly ListenerId[],
  ): Promise<readonly UnopenedBind[]> {
    const closed = this.#open.filter(({ listener }) => listeners?.includes(listener) !== false);
    const restored = await Promise.all(
      closed.map(async (bind) => {
        const { text, listener } = bind;
        const outcome = await this.#listeners.openIn(worker, bind);
        if (outcome.ok) return [];
        return [{ listener, problem: bindProblem({ text, pointer: "/bind", outcome }) }];
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
    await Promise.all(this.#open.map((bind) => this.#listeners.seal(bind)));
  }

  /** Whether it listens where somebody would like to. */
  meets(binds: SpokenBinds): boolean {
    const wanted = [...wantedBinds(binds).values()];
    return this.#open.some((bind) => wanted.some((wish) => meets(wish, bind)));
  }

  /** Stops listening, and leaves the addresses to a successor that listens on the same sockets. */
  async leave(): Promise<void> {
    await this.#closeAll(this.#open, true);
    this.#form = [];
  }

  /** Gives all addresses back without asking the workers, which are no more. */
  abandon(): void {
    releaseBinds(this.#open);
    this.#open = [];
    this.#form = [];
  }

  async #listenOnAll(
    binds: readonly ClaimedBind[],
    wanted: readonly WantedBind[],
  ): Promise<readonly FlowProblem[]> {
    const outcomes = await Promise.all(
      binds.map(async (bind) => {
        const outcome = await this.#listeners.open(bind);
        if (outcome.ok) return [];
        const pointer = wanted.find(({ address }) => address === bind.address)?.pointer ?? "/bind";
        return [bindProblem({ text: bind.text, pointer, outcome })];
      }),
    );
    return outcomes.flat();
  }

  async #closeAll(
    binds: readonly ClaimedBind[],
    keepsAddress = false,
  ): Promise<readonly ClosedListener[]> {
    const closed = await Promise.all(binds.map((bind) => this.#close(bind, keepsAddress)));
    return closed.flat();
  }

  async #close(bind: ClaimedBind, keepsAddress: boolean): Promise<readonly ClosedListener[]> {
    this.#open = this.#open.filter((other) => other !== bind);
    const closed = await this.#listeners.close(bind, keepsAddress);
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
    const claimed = await claimBinds(this.#deps, [wanted]);
    if (!claimed.ok) return claimed.problems;
    const problems = await this.#listenOnAll(claimed.binds, [wanted]);
    if (problems.length === 0) this.#open = [...this.#open, ...claimed.binds];
    else await this.#closeAll(claimed.binds);
    return problems;
  }
}

/** Whether the system would refuse to listen on both. */
function meets(wish: WantedBind, bind: ClaimedBind): boolean {
  return addressesOverlap(wish.address, bind.address);
}
