/** What a made-up ClientHello holds. */
export interface HelloGiven {
  readonly name?: string;
  readonly protocols?: readonly string[];
  /** Bytes of an extension that nobody reads, as large key shares are. */
  readonly ballastBytes?: number;
  /** How many bytes each record carries. */
  readonly recordBytes?: number;
  /** Extensions written as they are. */
  readonly extensions?: readonly Uint8Array[];
}

/** A ClientHello in its records, well-formed unless `extensions` say otherwise. */
export function clientHelloBytes(given: HelloGiven = {}): Buffer {
  const { name, protocols, ballastBytes = 0, recordBytes = 16_384 } = given;
  const extensions = [
    ...(ballastBytes > 0 ? [extension(0xfafa, Buffer.alloc(ballastBytes, 7))] : []),
    ...(name === undefined ? [] : [serverName(name)]),
    ...(protocols === undefined ? [] : [protocolList(protocols)]),
    ...(given.extensions ?? []),
  ];
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 1),
    vector(1, Buffer.alloc(32, 2)),
    vector(2, Buffer.from([0x13, 1, 0x13, 2])),
    vector(1, Buffer.from([0])),
    ...(extensions.length === 0 ? [] : [vector(2, Buffer.concat(extensions))]),
  ]);
  return inRecords(Buffer.concat([Buffer.from([1]), vector(3, body)]), recordBytes);
}

/** A handshake message in records of so many bytes each. */
export function inRecords(message: Buffer, recordBytes: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    const content = message.subarray(at, at + recordBytes);
    records.push(Buffer.from([22, 3, 1]), vector(2, content));
  }
  return Buffer.concat(records);
}

export function serverName(name: string): Buffer {
  const entry = Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, "latin1"))]);
  return extension(0, vector(2, entry));
}

export function extension(type: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, content)]);
}

function protocolList(protocols: readonly string[]): Buffer {
  const names = protocols.map((name) => vector(1, Buffer.from(name, "latin1")));
  return extension(16, vector(2, Buffer.concat(names)));
}

function vector(lengthBytes: 1 | 2 | 3, content: Uint8Array): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}
