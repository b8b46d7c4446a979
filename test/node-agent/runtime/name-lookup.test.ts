import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { dnsTries, lookupMsMax, lookupsAtOnceMax, systemFileCheckMs } from "#shared/base/limits.ts";

import { NameLookup, type NameLookupDeps } from "../../../node-agent/runtime/name-lookup.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { startNameServer, type NameAnswer } from "../../support/name-server.ts";
import { openSockets } from "../../support/open-sockets.ts";

type Outcome = readonly string[] | string;

/** Addresses, or the code of the error. */
function look(names: NameLookup, host: string, family?: 4 | 6): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = family === undefined ? { all: true } : { all: true, family };
    names.forSockets(host, options, (error, addresses) => {
      if (error !== null) return resolve(error.code ?? "");
      resolve(
        typeof addresses === "string" ? [addresses] : addresses.map(({ address }) => address),
      );
    });
  });
}

interface Files {
  readonly hosts: string;
  readonly resolver: string;
}

function files(texts: { hosts?: string; resolver?: string } = {}): Files {
  const folder = mkdtempSync(join(tmpdir(), "names-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const paths = { hosts: join(folder, "hosts"), resolver: join(folder, "resolv.conf") };
  writeFileSync(paths.hosts, texts.hosts ?? "");
  writeFileSync(paths.resolver, texts.resolver ?? "");
  return paths;
}

function lookup(deps: Partial<NameLookupDeps> = {}, { hosts, resolver } = files()): NameLookup {
  return new NameLookup({
    clock: systemClock(),
    hostsFile: hosts,
    resolverFile: resolver,
    ...deps,
  });
}

async function asked(answer: (name: string, type: "A" | "AAAA") => NameAnswer, ttlS?: number) {
  const server = await startNameServer(answer, ttlS === undefined ? {} : { ttlS });
  return { server, names: lookup({ nameServers: [server.address] }) };
}

describe("a name's addresses", () => {
  test("come from the name servers, IPv4 first", async () => {
    const { names } = await asked((_, type) =>
      type === "A" ? ["10.0.0.1", "10.0.0.2"] : ["2001:db8::1"],
    );
    expect(await look(names, "db.example.")).toEqual(["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
    expect(await look(names, "db.example.", 6)).toEqual(["2001:db8::1"]);
  });

  test("come from the hosts file before anybody is asked, and follow its changes", async () => {
    const clock = new FakeClock();
    const server = await startNameServer(() => "no-such-name");
    const paths = files({ hosts: "10.0.0.7 db DB.example\n" });
    const names = lookup({ clock, nameServers: [server.address] }, paths);
    expect(await look(names, "DB.EXAMPLE.")).toEqual(["10.0.0.7"]);

    writeFileSync(paths.hosts, "10.0.0.70 db\n");
    expect(await look(names, "db")).toEqual(["10.0.0.7"]);
    clock.advance(systemFileCheckMs);
    expect(await look(names, "db")).toEqual(["10.0.0.70"]);
    expect(server.questions).toEqual([]);
  });

  test("are the host itself where it is an address, and loopback for localhost", async () => {
    const { names, server } = await asked(() => "no-such-name");
    expect(await look(names, "192.0.2.1")).toEqual(["192.0.2.1"]);
    expect(await look(names, "2001:db8::2")).toEqual(["2001:db8::2"]);
    expect(await look(names, "localhost")).toEqual(["127.0.0.1", "::1"]);
    expect(server.questions).toEqual([]);
  });

  test("are looked for in the search domains, until one of them has the name", async () => {
    const server = await startNameServer((name) =>
      name === "db.two.example" ? ["10.0.0.3"] : "no-such-name",
    );
    const paths = files({ resolver: "search one.example two.example three.example\n" });
    const names = lookup({ nameServers: [server.address] }, paths);
    expect(await look(names, "db")).toEqual(["10.0.0.3"]);
    expect(new Set(server.questions.map((question) => question.split(" ")[0]))).toEqual(
      new Set(["db.one.example", "db.two.example"]),
    );
  });

  test("are looked for in the next search domain when one's server fails", async () => {
    const server = await startNameServer((name) => {
      if (name === "db.one.example" || name === "ill.one.example") return "server-failure";
      return name === "db.two.example" ? ["10.0.0.3"] : "no-such-name";
    });
    const paths = files({ resolver: "search one.example two.example\n" });
    const names = lookup({ nameServers: [server.address] }, paths);
    expect(await look(names, "db")).toEqual(["10.0.0.3"]);
    expect(await look(names, "other")).toBe("ENOTFOUND");
    // The first domain may know it: nobody can say that it does not exist.
    expect(await look(names, "ill")).toBe("ESERVFAIL");
  });

  test("a file that cannot be read counts as empty", async () => {
    const server = await startNameServer(() => ["10.0.0.1"]);
    const paths = { hosts: "/proc/self/fd/none/hosts", resolver: "/proc" };
    expect(await look(lookup({ nameServers: [server.address] }, paths), "db")).toEqual([
      "10.0.0.1",
    ]);
  });

  test("are kept as long as the name server says, and asked for again afterwards", async () => {
    const clock = new FakeClock();
    const server = await startNameServer(() => ["10.0.0.1"], { ttlS: 10 });
    const names = lookup({ clock, nameServers: [server.address] });
    await look(names, "db.example");
    clock.advance(9_999);
    await look(names, "db.example");
    expect(server.questions).toHaveLength(2);
    clock.advance(1);
    await look(names, "db.example");
    expect(server.questions).toHaveLength(4);
  });

  test("do not wait for a name server that never answers for IPv6", async () => {
    const { names } = await asked((_, type) => (type === "A" ? ["10.0.0.1"] : "silence"));
    expect(await look(names, "db.example")).toEqual(["10.0.0.1"]);
  });
});

describe("a name without an address", () => {
  test("says whether it does not exist or its server failed", async () => {
    const { names } = await asked((name) =>
      name.startsWith("no") ? "no-such-name" : "server-failure",
    );
    expect(await look(names, "no.example")).toBe("ENOTFOUND");
    expect(await look(names, "ill.example")).toBe("ESERVFAIL");
    expect(await look(names, "x".repeat(70))).toBe("ENOTFOUND");
  });

  test("a name whose server never answers ends in time", async () => {
    const clock = new FakeClock();
    const server = await startNameServer(() => "silence");
    const names = lookup({ clock, nameServers: [server.address] });
    const outcome = look(names, "hangs.example");
    await eventually(() => server.questions.length > 0);
    clock.advance(lookupMsMax);
    expect(await outcome).toBe("ETIMEOUT");
  });
});

describe("names that hang", () => {
  test("hold no other name up, and one question serves all who ask it", async () => {
    const { server, names } = await asked((name) =>
      name.startsWith("hang") ? "silence" : ["10.0.0.1"],
    );
    const before = openSockets();
    for (let index = 0; index < 200; index += 1) void look(names, `hang-${index}.example`);
    for (let index = 0; index < 200; index += 1) void look(names, "hang-0.example");
    const namesAsked = (): number =>
      new Set(server.questions.map((question) => question.split(" ")[0])).size;
    await eventually(() => namesAsked() === 200);
    const once = server.questions.filter((question) => question === "hang-0.example A");
    expect(once.length).toBeLessThanOrEqual(dnsTries);

    expect(await look(names, "db.example")).toEqual(["10.0.0.1"]);
    expect(openSockets() - before).toBeLessThan(10);
  });

  test("when too many hang, further lookups are not made, and say so", async () => {
    const clock = new FakeClock();
    const server = await startNameServer(() => "silence");
    const names = lookup({ clock, nameServers: [server.address] });
    for (let index = 0; index < lookupsAtOnceMax; index += 1) {
      void look(names, `hang-${index}.example`);
    }
    await clock.advanceSettled(1_000);
    expect(await look(names, "db.example")).toBe("ELOOKUPSEXHAUSTED");
  });
});

test("without a free descriptor a lookup was not made, instead of having failed", async () => {
  const { names } = await asked(() => ["10.0.0.1"]);
  const opened: number[] = [];
  const give = (): void => opened.splice(0).forEach((one) => closeSync(one));
  onTestFinished(give);
  await useUp(opened);
  const outcome = await look(names, "db.example");
  give();
  expect(outcome).toBe("ELOOKUPSEXHAUSTED");
  expect(await look(names, "db.example")).toEqual(["10.0.0.1"]);
});

/** Opens descriptors until the system gives no more. */
function useUp(opened: number[]): Promise<void> {
  return new Promise((resolve) => {
    try {
      for (;;) opened.push(openSync("/dev/null", "r"));
    } catch {
      resolve();
    }
  });
}
