/** What can be wrong with a definition: the closed list that clients of the API may rely on. */
export type ProblemCode =
  /** Something that must be there is missing. */
  | "required"
  /** A key that means nothing here. */
  | "unknown-key"
  /** A `kind` that does not exist. */
  | "unknown-kind"
  /** A text from a fixed list was expected, and it is another. */
  | "unknown-value"
  /** A number where a text belongs, an object where a list belongs … */
  | "invalid-type"
  /** A number, a duration, or a length is below or above its bounds. */
  | "out-of-range"
  /** A text that does not have the shape it needs. */
  | "invalid-format"
  | "invalid-address"
  | "invalid-duration"
  | "invalid-pattern"
  /** A backend line or an access rule that is not understood. */
  | "invalid-line"
  /** Exactly one of several keys must be given. */
  | "one-of"
  /** Two parts that do not go together. */
  | "conflict"
  /** A text that is no PEM of what belongs there, or that OpenSSL cannot use. */
  | "invalid-pem"
  /** A certificate is past its time, or its time has not come. */
  | "expired"
  | "not-yet-valid"
  /** Certificates of a chain in another order, or not issued one by the other. */
  | "chain-order"
  | "broken-chain"
  /** A key that belongs to another certificate; more than one key; of no known kind; too short. */
  | "key-mismatch"
  | "several-keys"
  | "unsupported-key"
  | "weak-key"
  /** An encrypted key without its pass-phrase, or with another. */
  | "passphrase-required"
  | "passphrase-wrong"
  /** Ends soon: right today. */
  | "expires-soon"
  /** More bytes, values or levels of nesting than a definition may have. */
  | "too-large"
  | "too-deep"
  /** More problems than one answer lists. */
  | "too-many-problems"
  /** Right, but whoever should run it cannot. */
  | "unsupported";
