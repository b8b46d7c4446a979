import { expect, test } from "vitest";

import { FetchRoom, type FetchLine, type Leave } from "../../../node-agent/discover/fetch-room.ts";
import { settled } from "../../support/fake-clock.ts";

const never = new AbortController().signal;

/** Balancers that ask for places, and who got them in which order. */
class Askers {
  readonly entered: string[] = [];
  readonly #room: FetchRoom;
  readonly #lines = new Map<string, FetchLine>();
  readonly #leaves = new Map<string, Leave[]>();

  constructor(max: number) {
    this.#room = new FetchRoom(max);
  }

  async ask(balancer: string, signal = never): Promise<void> {
    const line = this.#lines.get(balancer) ?? this.#room.line();
    this.#lines.set(balancer, line);
    void line.enter(signal).then((leave) => {
      if (leave === undefined) return;
      this.entered.push(balancer);
      this.#leaves.set(balancer, [...(this.#leaves.get(balancer) ?? []), leave]);
    });
    await settled();
  }

  async leave(balancer: string): Promise<void> {
    this.#leaves.get(balancer)?.shift()?.();
    await settled();
  }
}

test("so many fetches run at the same time, and no more", async () => {
  const askers = new Askers(2);
  for (const balancer of ["a", "b", "c", "d"]) await askers.ask(balancer);
  expect(askers.entered).toEqual(["a", "b"]);
  await askers.leave("b");
  expect(askers.entered).toEqual(["a", "b", "c"]);
  await askers.leave("a");
  expect(askers.entered).toEqual(["a", "b", "c", "d"]);
});

test("a balancer with many slow sources waits for itself, and others go before it", async () => {
  const askers = new Askers(3);
  for (let source = 0; source < 10; source += 1) await askers.ask("many");
  await askers.ask("one");
  await askers.ask("two");
  expect(askers.entered).toEqual(["many", "many", "many"]);
  await askers.leave("many");
  await askers.leave("many");
  expect(askers.entered.slice(3)).toEqual(["one", "two"]);
  await askers.leave("one");
  expect(askers.entered.slice(5)).toEqual(["many"]);
});

test("among balancers that hold equally many, turns go round", async () => {
  const askers = new Askers(1);
  await askers.ask("first");
  for (const balancer of ["a", "a", "a", "b", "b", "b"]) await askers.ask(balancer);
  for (const balancer of ["first", "a", "b", "a", "b", "a", "b"]) await askers.leave(balancer);
  expect(askers.entered).toEqual(["first", "a", "b", "a", "b", "a", "b"]);
});

test("who is stopped while it waits leaves the line, and takes nobody's place", async () => {
  const askers = new Askers(1);
  const stopped = new AbortController();
  await askers.ask("first");
  await askers.ask("stopped", stopped.signal);
  await askers.ask("last");
  stopped.abort();
  await askers.leave("first");
  expect(askers.entered).toEqual(["first", "last"]);
  await askers.leave("last");
  await askers.ask("again");
  expect(askers.entered).toEqual(["first", "last", "again"]);
  await askers.ask("stopped", stopped.signal);
  await askers.leave("again");
  expect(askers.entered).toEqual(["first", "last", "again"]);
});
