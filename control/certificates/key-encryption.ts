/** What opening an encrypted PKCS #8 key costs, as it says itself. */
export type KeyEncryption =
  /** Not encrypted. */
  | { readonly kind: "clear" }
  /** `rounds` is the greatest number among its parameters: no fewer are turned. */
  | { readonly kind: "encrypted"; readonly rounds: number }
  /** Encrypted in a way whose cost is not told by one number (scrypt), or not DER at all. */
  | { readonly kind: "unknown" };

const tags = { integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30 } as const;
/** scrypt (RFC 7914): memory and time are a product of three numbers. */
const scrypt = "2b06010401da47040b";
const depthMax = 8;

/**
 * Looks at a PKCS #8 structure (RFC 5958) before a pass-phrase is tried: deriving the key turns as
 * many rounds as the file asks for, and nothing can stop them once they have begun.
 */
export function keyEncryptionOf(der: Buffer): KeyEncryption {
  const [first, second] = partsOf(der);
  if (first?.tag === tags.integer) return { kind: "clear" };
  if (first?.tag !== tags.sequence || second?.tag !== tags.octets) return { kind: "unknown" };
  const facts = { rounds: 0, isKnown: true };
  collect(first.value, facts, 0);
  return facts.isKnown ? { kind: "encrypted", rounds: facts.rounds } : { kind: "unknown" };
}

/** What stands in the one sequence that the bytes are; nothing when they are none. */
function partsOf(der: Buffer): readonly Element[] {
  const [sequence, ...more] = readAll(der) ?? [];
  if (sequence?.tag !== tags.sequence || more.length > 0) return [];
  return readAll(sequence.value) ?? [];
}

interface Element {
  readonly tag: number;
  readonly value: Buffer;
}

function collect(bytes: Buffer, facts: { rounds: number; isKnown: boolean }, depth: number): void {
  const elements = depth > depthMax ? undefined : readAll(bytes);
  if (elements === undefined) {
    facts.isKnown = false;
    return;
  }
  for (const { tag, value } of elements) {
    if (tag === tags.sequence) collect(value, facts, depth + 1);
    if (tag === tags.oid && value.toString("hex") === scrypt) facts.isKnown = false;
    if (tag === tags.integer) facts.rounds = Math.max(facts.rounds, numberOf(value));
  }
}

function numberOf(value: Buffer): number {
  return value.length > 6
    ? Number.MAX_SAFE_INTEGER
    : value.readUIntBE(0, Math.max(1, value.length));
}

/** The elements that stand one after the other; undefined when they are no DER (X.690). */
function readAll(bytes: Buffer): readonly Element[] | undefined {
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = lengthAt(bytes, at + 1);
    const tag = bytes[at];
    if (head === undefined || tag === undefined || head.end > bytes.length) return undefined;
    elements.push({ tag, value: bytes.subarray(head.begin, head.end) });
    at = head.end;
  }
  return elements;
}

function lengthAt(
  bytes: Buffer,
  at: number,
): { readonly begin: number; readonly end: number } | undefined {
  const first = bytes[at];
  if (first === undefined || first === 0x80 || first > 0x83) return undefined;
  if (first < 0x80) return { begin: at + 1, end: at + 1 + first };
  const digits = first & 0x7f;
  const begin = at + 1 + digits;
  if (begin > bytes.length) return undefined;
  return { begin, end: begin + bytes.readUIntBE(at + 1, digits) };
}
