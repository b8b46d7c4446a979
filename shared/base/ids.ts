declare const brand: unique symbol;

/** A string that only its own kind's functions hand out: a swapped id does not compile. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type TenantId = Branded<string, "TenantId">;
export type UserId = Branded<string, "UserId">;
export type ApiKeyId = Branded<string, "ApiKeyId">;
export type JoinTokenId = Branded<string, "JoinTokenId">;
export type GroupId = Branded<string, "GroupId">;
export type BalancerId = Branded<string, "BalancerId">;
export type NodeId = Branded<string, "NodeId">;
export type SecretId = Branded<string, "SecretId">;
export type CertificateId = Branded<string, "CertificateId">;
export type QuestionId = Branded<string, "QuestionId">;

interface IdOfKind {
  readonly ten: TenantId;
  readonly usr: UserId;
  readonly key: ApiKeyId;
  readonly jtk: JoinTokenId;
  readonly grp: GroupId;
  readonly bal: BalancerId;
  readonly nod: NodeId;
  readonly sec: SecretId;
  readonly crt: CertificateId;
  readonly qst: QuestionId;
}

/** What stands before the underscore of an id. */
export type IdPrefix = keyof IdOfKind;

/** Crockford's base 32 in lower case: sorts like the number, no look-alike letters. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const timeDigits = 10;
const randomDigits = 16;
const idPattern = /^(?<prefix>[a-z]{3})_[0-9a-hjkmnp-tv-z]{26}$/;

/** Where new ids come from: time makes them sortable, randomness unique. */
export interface IdSource {
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/**
 * A new id: prefix, 48 bits of time, 80 random bits (ULID's layout, https://github.com/ulid/spec).
 * Ids of one prefix sort by the millisecond of their making.
 */
export function newId<P extends IdPrefix>(prefix: P, source: IdSource): IdOfKind[P] {
  return branded<P>(`${prefix}_${timePart(source.nowMs())}${randomPart(source)}`);
}

/** The id when `text` has the shape of one of this kind, otherwise undefined. */
export function parseId<P extends IdPrefix>(prefix: P, text: string): IdOfKind[P] | undefined {
  return idPattern.exec(text)?.groups?.["prefix"] === prefix ? branded<P>(text) : undefined;
}

/** Guarantee: called only with a text that was made by, or checked against, the kind's own shape. */
function branded<P extends IdPrefix>(text: string): IdOfKind[P] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return text as IdOfKind[P];
}

function timePart(ms: number): string {
  let digits = "";
  for (let rest = Math.floor(ms), index = 0; index < timeDigits; index += 1) {
    digits = alphabet.charAt(rest % 32) + digits;
    rest = Math.floor(rest / 32);
  }
  return digits;
}

function randomPart(source: IdSource): string {
  const bytes = source.randomBytes(randomDigits);
  return Array.from(bytes, (byte) => alphabet.charAt(byte % 32)).join("");
}
