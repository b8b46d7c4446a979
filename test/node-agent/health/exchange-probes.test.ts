import type { Socket } from "node:net";

import { describe, expect, test } from "vitest";

import { checkMsMax } from "#shared/base/limits.ts";

import { eventually } from "../../support/eventually.ts";
import { startBackend, type BackendBehaviour } from "../../support/fake-backend.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { testCertificate } from "../../support/test-certificates.ts";
import { testProbe, verdictOf, type CheckInput } from "../../support/test-probes.ts";
import { startTlsBackend } from "../../support/tls-backend.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";

const never = new AbortController().signal;
const probe = { kind: "probe", protocol: "tcp", send: "PING\\n", recv: "PONG" } as const;
const fast = { timeout: "150ms" } as const;

/** Answers every `PING\n` with these pieces, one write each, and keeps the connection. */
function answering(...pieces: readonly (string | Uint8Array)[]): BackendBehaviour {
  return (socket) => {
    socket.on("data", (data: Buffer) => {
      if (data.toString("latin1") === "PING\n") void say(socket, pieces);
    });
  };
}

async function say(socket: Socket, pieces: readonly (string | Uint8Array)[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    // Lets it go out in a segment of its own.
    await settled();
  }
}

async function verdict(
  behaviour: BackendBehaviour,
  more: Partial<CheckInput> = {},
): Promise<string> {
  const check: CheckInput = { ...probe, ...more } as CheckInput;
  return verdictOf(check, await startBackend(behaviour));
}

describe("a probe by prefix", () => {
  test("F-HC-10 the answer has to begin as expected, what follows does not matter", async () => {
    expect(await verdict(answering("PONG"))).toBe("passed");
    expect(await verdict(answering("PONG and 10,000 more bytes".padEnd(10_000)))).toBe("passed");
    expect(await verdict(answering("P", "ON", "G!"))).toBe("passed");
    expect(await verdict(answering("PANG"))).toBe("failed: unexpected-answer");
    expect(await verdict(answering(" PONG"))).toBe("failed: unexpected-answer");
  });

  test("what can no longer become the answer fails at once, not at the timeout", async () => {
    expect(await verdict(answering("X"))).toBe("failed: unexpected-answer");
  });

  test("an answer that ends too early is none", async () => {
    const short: BackendBehaviour = (socket) => socket.end("PON");
    expect(await verdict(short)).toBe("failed: short-answer");
    expect(await verdict((socket) => socket.end())).toBe("failed: short-answer");
  });

  test("F-HC-11 \\xNN, \\n and \\r are sent and expected as bytes", async () => {
    const received: Buffer[] = [];
    const behaviour: BackendBehaviour = (socket) => {
      socket.on("data", (data: Buffer) => {
        received.push(data);
        socket.write(Uint8Array.of(0xff, 0x0d, 0x0a, 0x00));
      });
    };
    const bytes = { send: "\\x00\\xff\\r\\n", recv: "\\xff\\r\\n\\x00" };
    expect(await verdict(behaviour, bytes)).toBe("passed");
    expect(Buffer.concat(received)).toEqual(Buffer.of(0x00, 0xff, 0x0d, 0x0a));
    expect(await verdict(behaviour, { ...bytes, recv: "\\xfe" })).toBe("failed: unexpected-answer");
  });
});

describe("a probe by pattern", () => {
  const pattern = { strategy: "regexp", recv: "^\\+(PONG|OK)$", recvLen: 5 } as const;

  test("F-HC-12 the first recvLen bytes are matched, and no more", async () => {
    expect(await verdict(answering("+PONG\r\n"), pattern)).toBe("passed");
    expect(await verdict(answering("+PANG\r\n"), pattern)).toBe("failed: unexpected-answer");
    // The part that would match comes after those that are looked at.
    expect(await verdict(answering("-----+PONG"), pattern)).toBe("failed: unexpected-answer");
    const unanchored = { strategy: "regexp", recv: "ONG", recvLen: 4 } as const;
    expect(await verdict(answering("PON", "G"), unanchored)).toBe("passed");
    expect(await verdict(answering("+PONG"), unanchored)).toBe("failed: unexpected-answer");
  });

  test("bytes that are no text match as bytes that are no text", async () => {
    const any = { strategy: "regexp", recv: "^.OK$", recvLen: 3 } as const;
    expect(await verdict(answering(Uint8Array.of(0xff, 0x4f, 0x4b)), any)).toBe("passed");
  });

  test("fewer bytes than recvLen are no answer", async () => {
    const short: BackendBehaviour = (socket) => socket.end("+OK");
    expect(await verdict(short, pattern)).toBe("failed: short-answer");
  });
});

test("F-HC-15 a backend that stays silent is unhealthy exactly when the timeout is over", async () => {
  const silent = await startBackend(() => undefined);
  const udp = await startUdpBackend(() => undefined);
  const tls = await startTlsBackend(() => undefined);
  for (const [protocol, target] of [
    ["tcp", silent],
    ["udp", udp],
    ["tls", tls],
  ] as const) {
    const clock = new FakeClock();
    const check = testProbe({ ...probe, protocol, timeout: "2s" }, { clock });
    const result = check(target, never);
    await settled();
    clock.advance(1_999);
    await settled();
    const early = await Promise.race([result, Promise.resolve("waiting")]);
    clock.advance(1);
    expect([protocol, early, await result]).toEqual([
      protocol,
      "waiting",
      { verdict: "failed", tookMs: 2_000, detail: "timeout" },
    ]);
  }
});

test("a check without a timeout of its own ends in a minute", async () => {
  const clock = new FakeClock();
  const silent = await startBackend(() => undefined);
  const result = testProbe({ ...probe, timeout: "0" }, { clock })(silent, never);
  await settled();
  clock.advance(checkMsMax);
  expect(await result).toMatchObject({ verdict: "failed", detail: "timeout" });
});

describe("a probe over UDP", () => {
  const udp = { ...probe, protocol: "udp" } as const;

  test("F-HC-13 one datagram is sent, and its answer checked", async () => {
    const backend = await startUdpBackend((datagram) =>
      datagram.equals(Buffer.from("PING\n")) ? "PONG, twice" : undefined,
    );
    expect(await verdictOf(udp, backend)).toBe("passed");
    expect(backend.received).toHaveLength(1);
    expect(await verdictOf({ ...udp, recv: "PUNG" }, backend)).toBe("failed: unexpected-answer");
    expect(await verdictOf({ ...udp, recv: "PONG, three times" }, backend)).toBe(
      "failed: short-answer",
    );
    const pattern = { strategy: "regexp", recv: "^P.NG", recvLen: 4 } as const;
    expect(await verdictOf({ ...udp, ...pattern }, backend)).toBe("passed");
  });

  test("a port that nobody listens on is known before the timeout, and silence after it", async () => {
    const port = await freePort();
    expect(await verdictOf(udp, { host: "127.0.0.1", port })).toBe("failed: ECONNREFUSED");
    const silent = await startUdpBackend(() => undefined);
    expect(await verdictOf({ ...udp, ...fast }, silent)).toBe("failed: timeout");
  });
});

describe("a probe over TLS", () => {
  const tls = { ...probe, protocol: "tls" } as const;
  const rootCa = { pem: testCertificate.cert };
  const pong = (socket: Socket): void => answering("PONG")(socket);

  test("F-HC-14 a TLS backend is probed, and its certificate verified", async () => {
    const backend = await startTlsBackend(pong);
    expect(await verdictOf({ ...tls, tls: { rootCa } }, backend)).toBe("passed");
    // Signed by itself: none of the usual authorities knows it.
    expect(await verdictOf(tls, backend)).toBe("failed: DEPTH_ZERO_SELF_SIGNED_CERT");
    const plain = await startBackend(answering("PONG"));
    expect(await verdictOf({ ...tls, ...fast }, plain)).toBe("failed: timeout");
  });

  test("a check that was stopped in the handshake leaves nothing open", async () => {
    const plain = await startBackend(() => undefined);
    expect(await verdictOf({ ...tls, ...fast }, plain)).toBe("failed: timeout");
    await eventually(() => plain.sockets.size === 0);
  });
});
