/**
 * Seals texts for storage. Asynchronous, because the key may live elsewhere (a KMS).
 *
 * `context` names what is sealed and whose it is, such as `secret ten_… sec_…`. It is bound to the
 * sealed text: a row copied to another place does not open there.
 */
export interface Sealer {
  /** The key's name, as sealed texts carry it. */
  readonly keyId: string;
  seal(plain: string, context: string): Promise<string>;
  /** @throws Fault `certificates/cannot-open` when the key, the context or the text is another */
  open(sealed: string, context: string): Promise<string>;
}
