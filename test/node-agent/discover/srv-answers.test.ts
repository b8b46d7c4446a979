import { encode, streamDecode, streamEncode, type Packet } from "dns-packet";
import { describe, expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { startBackend } from "../../support/fake-backend.ts";
import { scriptedNameServer } from "./scripted-name-server.ts";
import { fetchOnce, fetchWithin, targetsOf } from "./source-under-test.ts";
import { name, srv } from "./srv-lookup.ts";

describe("srv discovery from name servers that answer as they are told", () => {
  test("X-SRV-08 SERVFAIL is a failure", async () => {
    const { address } = await scriptedNameServer(() => ({ flags: 2 }));
    expect(await fetchOnce(srv(address))).toMatchObject({ ok: false, code: "dns-servfail" });
  });

  test("F-SRV-02 addresses in the additional section are used without asking again", async () => {
    const asked: string[] = [];
    const { address } = await scriptedNameServer(({ questions = [] }) => {
      asked.push(questions[0]?.type ?? "");
      return {
        answers: [
          { type: "SRV", name, data: { target: "A.example", port: 80, priority: 1, weight: 1 } },
        ],
        additionals: [{ type: "A", name: "a.EXAMPLE", data: "10.0.0.1" }],
      };
    });
    expect(targetsOf(await fetchOnce(srv(address)))).toEqual(["10.0.0.1:80"]);
    expect(asked).toEqual(["SRV"]);
  });

  test("F-SRV-05 the question goes over TCP when that is set", async () => {
    const types: (string | undefined)[] = [];
    const { host, port } = await startBackend((socket) => {
      socket.on("data", (bytes: Buffer) => {
        const query = streamDecode(bytes);
        const { id = 0, questions = [] } = query;
        types.push(questions[0]?.type);
        const answers = [{ type: "SRV" as const, name, data: { target: "a.example", port: 80 } }];
        const additionals = [{ type: "A" as const, name: "a.example", data: "10.0.0.1" }];
        socket.write(streamEncode({ type: "response", id, questions, answers, additionals }));
      });
    });
    const lookupServer = `${host}:${port}`;
    // Nobody listens there for datagrams.
    expect((await fetchOnce(srv(lookupServer))).ok).toBe(false);
    const answer = await fetchOnce(srv(lookupServer, { dnsProtocol: "tcp" }));
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80"]);
    expect(types).toEqual(["SRV"]);
  });

  test("F-SRV-06 an answer of 4,096 bytes comes by UDP: EDNS0 asks for as much", async () => {
    const asked: (number | undefined)[] = [];
    const sizes: number[] = [];
    const answers = Array.from({ length: 106 }, (_, index) => ({
      type: "SRV" as const,
      name,
      data: { target: "a", port: index + 1 },
    }));
    // The text makes it as long as it may be.
    const others = [
      { type: "A" as const, name: "a", data: "10.0.0.1" },
      { type: "TXT" as const, name: ".", data: "long" },
    ];
    const { address } = await scriptedNameServer(({ id = 0, questions = [], additionals = [] }) => {
      const option = additionals.find(({ type }) => type === "OPT");
      asked.push(option?.type === "OPT" ? option.udpPayloadSize : undefined);
      const packet: Packet = { type: "response", id, questions, answers, additionals: others };
      sizes.push(encode(packet).length);
      return packet;
    });
    const targets = targetsOf(await fetchOnce(srv(address)));
    expect(new Set(targets).size).toBe(answers.length);
    expect([asked, sizes]).toEqual([[4_096], [4_096]]);
  });

  test("X-SRV-09 signatures and aliases beside the records do no harm", async () => {
    const signature = {
      typeCovered: "SRV",
      algorithm: 8,
      labels: 3,
      originalTTL: 60,
      expiration: 2_000_000_000,
      inception: 1_000_000_000,
      keyTag: 1,
      signersName: "example",
      signature: Buffer.from("signature"),
    };
    const { address } = await scriptedNameServer(() => ({
      answers: [
        { type: "CNAME", name, data: "_web._tcp.real.example" },
        { type: "RRSIG", name, data: signature },
        { type: "SRV", name: "_web._tcp.real.example", data: { target: "a", port: 80 } },
      ],
      additionals: [{ type: "A", name: "a", data: "10.0.0.1" }],
    }));
    expect(targetsOf(await fetchOnce(srv(address)))).toEqual(["10.0.0.1:80"]);
  });

  test("a server that says nothing is asked again, and the fetch ends when its time is over", async () => {
    const { address, packets } = await scriptedNameServer(() => undefined);
    const time = new AbortController();
    const fetching = fetchOnce(srv(address), time.signal);
    await eventually(() => packets() >= 2);
    time.abort();
    expect(await fetching).toMatchObject({ ok: false, code: "aborted" });
  });

  test.each(["A", "AAAA"])(
    "X-SRV-08 a target whose %s question is not answered, or with an error, fails the fetch",
    async (type) => {
      const fault: { flags: number | undefined } = { flags: 2 };
      const { address } = await scriptedNameServer(({ questions = [] }) => {
        const [question] = questions;
        if (question?.type === "SRV") {
          return { answers: [{ type: "SRV", name, data: { target: "a.example", port: 80 } }] };
        }
        if (question?.type === type) {
          return fault.flags === undefined ? undefined : { flags: fault.flags };
        }
        const data = question?.type === "A" ? "10.0.0.1" : "fd00::1";
        return {
          answers: [{ type: question?.type === "A" ? "A" : "AAAA", name: "a.example", data }],
        };
      });
      expect(await fetchOnce(srv(address))).toMatchObject({ ok: false, code: "dns-servfail" });
      fault.flags = undefined;
      expect(await fetchWithin(300, srv(address))).toMatchObject({ ok: false, code: "timeout" });
      // No such name, for this family.
      fault.flags = 3;
      expect(targetsOf(await fetchOnce(srv(address)))).toEqual([
        type === "A" ? "[fd00::1]:80" : "10.0.0.1:80",
      ]);
    },
  );

  test("an answer that is none is told as that when nothing better comes in time", async () => {
    const garbage: readonly ((query: Packet) => readonly Buffer[])[] = [
      () => [Buffer.from("nonsense")],
      () => [Buffer.alloc(4_096, 0xa5)],
      ({ id = 0 }) => [Buffer.concat([Buffer.from([id >> 8, id & 0xff]), Buffer.alloc(30, 0xff)])],
    ];
    await Promise.all(
      garbage.map(async (send, index) => {
        const script = (query: Packet) => ({ send: send(query), isSilent: true });
        const { address } = await scriptedNameServer(script);
        expect(await fetchWithin(2_000, srv(address)), String(index)).toMatchObject({
          ok: false,
          code: "bad-answer",
          detail: `${address}: no answer to what was asked`,
        });
      }),
    );
    const silent = await scriptedNameServer(() => undefined);
    expect(await fetchWithin(300, srv(silent.address))).toMatchObject({ code: "timeout" });
  });

  test("half an answer over TCP is told as that, whether the server hangs or leaves", async () => {
    for (const isLeaving of [false, true]) {
      const { host, port } = await startBackend((socket) => {
        const half = Buffer.from([1, 0, 1, 2, 3]);
        if (isLeaving) socket.end(half);
        else socket.write(half);
      });
      const answer = await fetchWithin(2_000, srv(`${host}:${port}`, { dnsProtocol: "tcp" }));
      expect(answer).toMatchObject({ ok: false, code: "bad-answer" });
    }
  });

  test("answers to other questions, and what is no answer, are not believed", async () => {
    const { address } = await scriptedNameServer((query) => ({
      send: [
        Buffer.from("nonsense"),
        encode({
          type: "response",
          id: ((query.id ?? 0) + 1) % 65_536,
          questions: query.questions,
        }),
        encode({
          type: "response",
          id: query.id,
          questions: [{ type: "SRV", name: "evil.example" }],
        }),
      ],
      answers: [{ type: "SRV", name, data: { target: "a", port: 80 } }],
      additionals: [{ type: "A", name: "a", data: "10.0.0.1" }],
    }));
    expect(targetsOf(await fetchOnce(srv(address)))).toEqual(["10.0.0.1:80"]);
  });

  test("nobody there is told as that, over UDP and over TCP", async () => {
    const code = "unreachable";
    expect(await fetchOnce(srv("127.0.0.1:1"))).toMatchObject({
      code,
      detail: "127.0.0.1:1: ECONNREFUSED",
    });
    expect(await fetchOnce(srv("127.0.0.1:1", { dnsProtocol: "tcp" }))).toMatchObject({ code });
  });

  test("a TCP server that closes, or answers nonsense, is a failure", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 3, 1, 2, 3])]) {
      const { host, port } = await startBackend((socket) => socket.end(bytes));
      const answer = await fetchOnce(srv(`${host}:${port}`, { dnsProtocol: "tcp" }));
      expect(answer).toMatchObject({ ok: false });
    }
  });
});
