import { once } from "node:events";
import { createServer } from "node:net";
import { connect as tlsConnect, type ConnectionOptions } from "node:tls";

import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";

import { peekBytesMax } from "#shared/base/limits.ts";

import { readClientHello, type HelloReading } from "../../../node-agent/listen/client-hello.ts";
import {
  clientHelloBytes,
  extension,
  inRecords,
  serverName,
  type HelloGiven,
} from "../../support/client-hello-bytes.ts";

const wanted = { name: "www.example.com", protocols: ["h2", "http/1.1"] };
const understood: HelloReading = { kind: "hello", hello: wanted };

test("name and protocols are read; without the extensions there are none", () => {
  expect(readClientHello(clientHelloBytes(wanted))).toEqual(understood);
  const none = { kind: "hello", hello: { name: "", protocols: [] } };
  expect(readClientHello(clientHelloBytes())).toEqual(none);
  expect(readClientHello(clientHelloBytes({ ballastBytes: 9 }))).toEqual(none);
});

test("what follows the hello is not looked at", () => {
  const followed = Buffer.concat([clientHelloBytes(wanted), Buffer.from("anything at all")]);
  expect(readClientHello(followed)).toEqual(understood);
});

describe("X-SNI-16 the hello of a real client is read, whatever it offers", () => {
  test.for<[string, ConnectionOptions]>([
    ["TLS 1.3 alone", { minVersion: "TLSv1.3" }],
    ["TLS 1.2 alone", { maxVersion: "TLSv1.2" }],
    ["TLS 1.0 to 1.2", { minVersion: "TLSv1", maxVersion: "TLSv1.2", ciphers: "ALL:@SECLEVEL=0" }],
    ["a group that leads to a second hello", { ecdhCurve: "P-521" }],
    ["the largest group", { ecdhCurve: "secp384r1:X448:ffdhe8192" }],
    ["post-quantum groups", { ecdhCurve: "X25519MLKEM768:SecP384r1MLKEM1024" }],
    ["one suite", { ciphers: "TLS_CHACHA20_POLY1305_SHA256" }],
  ])("%s", async ([, options]) => {
    const bytes = await helloOfNode({ ...options, servername: wanted.name, ALPNProtocols: ["h2"] });
    expect(readClientHello(bytes)).toEqual({
      kind: "hello",
      hello: { name: wanted.name, protocols: ["h2"] },
    });
  });
});

test("X-SNI-14 cut at every byte, over records of every size, it asks for more and then is read", () => {
  for (const recordBytes of [16_384, 300, 64, 7, 1]) {
    const bytes = clientHelloBytes({ ...wanted, recordBytes });
    for (let cut = 0; cut < bytes.length; cut += 1) {
      const reading = readClientHello(bytes.subarray(0, cut));
      expect(reading).toMatchObject({ kind: "incomplete" });
      if (reading.kind === "incomplete") {
        expect(reading.bytesMin).toBeGreaterThan(cut);
        expect(reading.bytesMin).toBeLessThanOrEqual(bytes.length);
      }
    }
    expect(readClientHello(bytes)).toEqual(understood);
  }
});

test.for([1_500, 4_096, 12_000, 40_000])("X-SNI-15 a hello of %i bytes is read", (ballastBytes) => {
  expect(readClientHello(clientHelloBytes({ ...wanted, ballastBytes }))).toEqual(understood);
});

test("a hello is looked at a number of times that grows with the logarithm of its size", () => {
  for (const recordBytes of [16_384, 100, 1]) {
    const bytes = clientHelloBytes({ ...wanted, ballastBytes: 9_000, recordBytes });
    let looks = 0;
    let has = 0;
    for (;;) {
      looks += 1;
      const reading = readClientHello(bytes.subarray(0, has));
      if (reading.kind !== "incomplete") break;
      has = reading.bytesMin;
    }
    expect(readClientHello(bytes.subarray(0, has))).toEqual(understood);
    expect(looks).toBeLessThan(60);
  }
});

describe("what no server would take is refused", () => {
  const name = serverName("a.test");
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["plain text", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["an alert", Buffer.from([21, 3, 3, 0, 2, 2, 40])],
    ["the first byte alone", Buffer.from("G")],
    ["an old SSL 2 hello", Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["a record that is too large", Buffer.from([22, 3, 1, 0x40, 1])],
    ["a message that is too large", Buffer.from([22, 3, 1, 0, 9, 1, 0xff, 0xff, 0xff])],
    ["another message", Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ["an empty hello", Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0])],
    ["another record in between", cutByAlert()],
    ["two names", clientHelloBytes({ extensions: [name, name] })],
    ["a name in a list that is cut", withName(Buffer.from([0, 9, 0, 0, 6, 97]))],
    ["an empty list of names", withName(Buffer.from([0, 0]))],
    ["a name of another type", withName(Buffer.from([0, 4, 1, 0, 1, 97]))],
    ["an empty name", clientHelloBytes({ name: "" })],
    ["a name with a blank", clientHelloBytes({ name: "a b" })],
    ["a name with a zero", clientHelloBytes({ name: "a.test\0.evil" })],
    ["a name that ends in a dot", clientHelloBytes({ name: "a.test." })],
    ["a name that is too long", clientHelloBytes({ name: "a".repeat(256) })],
    ["an empty protocol", clientHelloBytes({ protocols: [""] })],
    ["no protocol", clientHelloBytes({ protocols: [] })],
    ["an extension that is cut", clientHelloBytes({ extensions: [Buffer.from([0, 9, 0, 9, 1])] })],
  ];
  test.for(cases)("%s", ([, bytes]) => {
    expect(readClientHello(bytes)).toMatchObject({ kind: "invalid" });
  });

  test("more than can be looked at is refused as soon as that is known", () => {
    const endless = inRecords(
      Buffer.concat([Buffer.from([1, 0, 0xff, 0xf0]), Buffer.alloc(64)]),
      64,
    );
    expect(readClientHello(endless)).toMatchObject({ kind: "invalid" });
    const inSmallRecords = clientHelloBytes({ ballastBytes: 40_000, recordBytes: 1 });
    expect(readClientHello(inSmallRecords.subarray(0, peekBytesMax))).toMatchObject({
      kind: "invalid",
      detail: "the ClientHello is too large",
    });
  });
});

describe("whatever the bytes, there is an answer", () => {
  test("of random bytes", () => {
    const random = fc.uint8Array({ maxLength: 600 });
    fc.assert(fc.property(random, isAnswered), { numRuns: 2_000 });
  });

  test("of a hello with some bytes changed, taken out or put in", () => {
    const edits = fc.array(fc.tuple(fc.nat(400), fc.nat(255), fc.constantFrom(0, 1, 2)), {
      minLength: 1,
      maxLength: 6,
    });
    const given = fc.record<HelloGiven>({
      name: fc.domain(),
      protocols: fc.array(fc.string({ minLength: 1, maxLength: 9 }), {
        minLength: 1,
        maxLength: 4,
      }),
      recordBytes: fc.integer({ min: 1, max: 400 }),
    });
    const property = fc.property(given, edits, (hello, changes) =>
      isAnswered(edited(clientHelloBytes(hello), changes)),
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  test("and the right one of every hello that is well-formed", () => {
    const printed = fc.stringMatching(/^[!-~]{0,60}[!-\-/-~]$/);
    const property = fc.property(
      printed,
      fc.array(printed, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 900 }),
      fc.nat(5_000),
      (name, protocols, recordBytes, ballastBytes) => {
        const bytes = clientHelloBytes({ name, protocols, recordBytes, ballastBytes });
        expect(readClientHello(bytes)).toEqual({ kind: "hello", hello: { name, protocols } });
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

/** No throw, nothing read past the end, and what asks for more asks for what can be had. */
function isAnswered(bytes: Uint8Array): void {
  const guarded = new Uint8Array(bytes.length + 64).fill(0x41);
  guarded.set(bytes);
  const reading = readClientHello(guarded.subarray(0, bytes.length));
  expect(readClientHello(bytes)).toEqual(reading);
  if (reading.kind !== "incomplete") return;
  expect(reading.bytesMin).toBeGreaterThan(bytes.length);
  expect(reading.bytesMin).toBeLessThanOrEqual(peekBytesMax);
}

type Edit = readonly [at: number, byte: number, kind: number];

function edited(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const list = [...bytes];
  for (const [at, byte, kind] of edits) {
    if (kind === 0) list[at % list.length] = byte;
    else if (kind === 1) list.splice(at % list.length, 1);
    else list.splice(at % list.length, 0, byte);
  }
  return Uint8Array.from(list);
}

function withName(content: Uint8Array): Buffer {
  return clientHelloBytes({ extensions: [extension(0, content)] });
}

function cutByAlert(): Buffer {
  const bytes = clientHelloBytes({ ...wanted, recordBytes: 50 });
  return Buffer.concat([bytes.subarray(0, 55), Buffer.from([21, 3, 3, 0, 2, 2, 40])]);
}

/** What Node's own client sends first. */
async function helloOfNode(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const arrived = new Promise<Buffer>((resolve) => {
    server.once("connection", (socket) => {
      socket.on("error", () => undefined);
      let bytes = Buffer.alloc(0);
      socket.on("data", (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (readClientHello(bytes).kind !== "incomplete") resolve(bytes);
      });
    });
  });
  const client = tlsConnect({ host: "127.0.0.1", port: address.port, ...options });
  client.on("error", () => undefined);
  onTestFinished(() => void client.destroy());
  return arrived;
}
