import { networkInterfaces } from "node:os";

import { describe, expect, test } from "vitest";

import { listedBackendSchema, type Backend } from "#shared/definition/backend.ts";
import { canonicalAddress } from "#shared/definition/host.ts";

import type { Fetched } from "../../../node-agent/discover/discovery.ts";
import {
  leavingOutOwn,
  ownBackends,
  type LeaveOutOwn,
} from "../../../node-agent/discover/own-backends.ts";
import { SourceMemory } from "../../../node-agent/discover/source-memory.ts";
import { hostAddresses, type HostAddresses } from "../../../node-agent/runtime/host-addresses.ts";
import { eventually } from "../../support/eventually.ts";
import { page, startPages } from "../../support/page-server.ts";
import { sourceDeps } from "./source-under-test.ts";
import { fixed, lines, watch } from "./watched-discovery.ts";

const addresses = new Set(["192.0.2.1", "2001:db8::1", "fe80::1"]);
const host = (): HostAddresses => ({ ok: true, addresses });

function backendAt(place: string): Backend {
  const port = place.startsWith("unix:") ? 0 : 80;
  return listedBackendSchema.parse({ host: place, port });
}

/** What is left of one backend on port 80, beside another one. */
function left(bind: string, place: string): readonly string[] {
  const { others } = ownBackends([bind], host)([backendAt(place), backendAt("198.51.100.1")]);
  return others.map((backend) => backend.host);
}

describe("listening on", () => {
  test.each([
    ["127.0.0.1:80", "127.0.0.1"],
    ["127.0.0.1:80", "localhost"],
    ["127.0.0.1:80", "::ffff:127.0.0.1"],
    ["127.0.0.1:80", "0.0.0.0"],
    ["[::1]:80", "::1"],
    ["[::1]:80", "0:0:0:0:0:0:0:1"],
    ["192.0.2.1:80", "192.0.2.1"],
    [":80", "127.0.0.1"],
    [":80", "127.1.2.3"],
    ["0.0.0.0:80", "::1"],
    [":80", "192.0.2.1"],
    ["0.0.0.0:79-81", "2001:DB8:0::1"],
    ["[::]:80", "fe80::1%eth0"],
    ["unix:/run/web.sock", "unix:/run/web.sock"],
  ])("%s leaves out %s", (bind, place) => {
    expect(left(bind, place)).toEqual(["198.51.100.1"]);
  });

  test.each([
    ["127.0.0.1:81", "127.0.0.1"],
    ["127.0.0.1:80", "127.0.0.2"],
    ["127.0.0.1:80", "::1"],
    ["192.0.2.1:80", "127.0.0.1"],
    ["192.0.2.1:80", "2001:db8::1"],
    [":81", "192.0.2.1"],
    [":80", "192.0.2.2"],
    [":80", "web.example"],
    [":80", "unix:/run/web.sock"],
    ["unix:/run/web.sock", "unix:/run/other.sock"],
  ])("%s keeps %s, which is elsewhere", (bind, place) => {
    expect(left(bind, place)).toHaveLength(2);
  });
});

test("a backend that is the balancer itself is told by its name and the bind, and a thousand cost one look at the host", () => {
  let looks = 0;
  const leaveOut = ownBackends([":443", ":80"], () => {
    looks += 1;
    return host();
  });
  const many = Array.from({ length: 997 }, (_, index) =>
    backendAt(`198.51.${index >> 8}.${index & 255}`),
  );
  const own = ["192.0.2.1", "::1", "2001:db8::1"].map((place) => backendAt(place));
  expect(leaveOut([...many, ...own])).toEqual({
    others: many,
    own: { count: 3, detail: "192.0.2.1:80 is this balancer itself, which listens on :80" },
    doubt: undefined,
  });
  expect(looks).toBe(1);
  leaveOut([
    { ...backendAt("192.0.2.1"), port: 81 },
    backendAt("127.0.0.1"),
    backendAt("unix:/run/a.sock"),
  ]);
  expect(looks).toBe(1);
});

test("the host's addresses are those of its interfaces, loopback among them, without zones", () => {
  const known = hostAddresses();
  if (!known.ok) throw new Error(known.detail);
  expect(known.addresses).toContain("127.0.0.1");
  const told = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  expect(known.addresses).toEqual(new Set(told.map(({ address }) => canonicalAddress(address))));
  expect([...known.addresses].filter((address) => address.includes("%"))).toEqual([]);
});

describe("an answer", () => {
  const answered = async (fetched: Fetched, leaveOut: LeaveOutOwn): Promise<Fetched> => {
    const source = leavingOutOwn({ fetch: () => Promise.resolve(fetched) }, leaveOut);
    return source.fetch(new AbortController().signal);
  };
  const other = backendAt("198.51.100.1");
  const own = backendAt("192.0.2.1");
  const leaveOut = ownBackends([":80"], host);

  test("counts without the balancer itself, which is skipped and told like any other entry", async () => {
    const skipped = { count: 2, detail: "line 3" };
    const fetched: Fetched = { ok: true, backends: [own, other], skipped, againMs: 7 };
    expect(await answered(fetched, leaveOut)).toEqual({
      ok: true,
      backends: [other],
      skipped: { count: 3, detail: expect.stringMatching(/^192\.0\.2\.1:80 is this balancer/) },
      againMs: 7,
    });
  });

  test("that names nothing else is unusable: the fail policy decides", async () => {
    expect(await answered({ ok: true, backends: [own] }, leaveOut)).toMatchObject({
      ok: false,
      code: "unusable",
      detail:
        "it names 1, and none can be used: 192.0.2.1:80 is this balancer itself, which listens on :80",
      isAnswered: true,
    });
  });

  test("of which nobody can tell is a failure, and one without a port of its own is as it was", async () => {
    const unknown = ownBackends([":80"], () => ({ ok: false, detail: "EMFILE" }));
    expect(await answered({ ok: true, backends: [other] }, unknown)).toMatchObject({
      ok: false,
      code: "own-addresses",
      detail: expect.stringContaining("EMFILE"),
    });
    const elsewhere: Fetched = { ok: true, backends: [{ ...backendAt("198.51.100.1"), port: 81 }] };
    expect(await answered(elsewhere, unknown)).toBe(elsewhere);
  });
});

describe("the sources of one balancer", () => {
  test("leave it out wherever it is named, and say so in status and event", async () => {
    const pages = await startPages(page("127.0.0.1:4000\n198.51.100.1:4000"));
    const { change, hosts, discovery, events } = watch();
    await change(lines(pages, { interval: "1h" }), { bind: [":4000"] });
    expect(hosts()).toEqual(["198.51.100.1"]);
    expect(discovery.status()).toMatchObject([{ state: "fresh", backends: 1, skipped: 1 }]);
    expect(events).toEqual(["discovery.skipped /discovery plaintext"]);

    await change(fixed("127.0.0.1:4000"), { bind: [":4000"] });
    expect(discovery.status()).toMatchObject([
      {
        state: "failing",
        lastFailure: {
          code: "unusable",
          detail: expect.stringContaining("127.0.0.1:4000 is this balancer itself"),
        },
      },
    ]);
  });

  test("are judged anew by where it listens now, answer or not", async () => {
    const pages = await startPages(page("127.0.0.1:4000\n127.0.0.1:4001"));
    const { change, discovery, delivered } = watch();
    const source = lines(pages, { interval: "1h" });
    await change(source, { bind: [":4002"] });
    expect(delivered.at(-1)).toHaveLength(2);
    await change(source, { bind: [":4001"] });
    expect(delivered.at(-1)).toHaveLength(1);
    expect(discovery.status()).toMatchObject([{ state: "fresh", skipped: 1 }]);
    expect(pages.requests).toHaveLength(2);

    pages.answer = page("", 500);
    await change(source, { bind: [":4000-4001"] });
    expect(delivered.at(-1)).toEqual([]);
    pages.answer = page("127.0.0.1:4000\n127.0.0.1:4001");
    await change(source, { bind: [":4002"] });
    expect(delivered.at(-1)).toHaveLength(2);
    await change(source, { bind: [":4002"] });
    expect(pages.requests).toHaveLength(4);
  });

  test("do not bring it back from what is remembered", async () => {
    const memory = new SourceMemory(sourceDeps.clock).of("bal_a");
    const pages = await startPages(page("127.0.0.1:4000\n198.51.100.1:4000"));
    const source = lines(pages, { interval: "1h" });
    const before = watch(memory);
    await before.change(source, { bind: [":4001"] });
    expect(before.hosts()).toEqual(["127.0.0.1", "198.51.100.1"]);
    before.discovery.stop();

    pages.answer = page("", 500);
    const after = watch(memory);
    await after.change(source, { bind: [":4000"] });
    expect(after.hosts()).toEqual(["198.51.100.1"]);
    await eventually(() => expect(after.discovery.status()).toMatchObject([{ backends: 1 }]));
  });
});
