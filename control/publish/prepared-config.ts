import type { Version } from "#shared/snapshot/version.ts";

/** A message, encoded: text frames in order. Bytes are shared by all links they are sent on. */
export type WireTexts = readonly (string | Uint8Array)[];

/** A configuration message that can be sent. */
export interface ConfigMessage {
  readonly kind: "message";
  /** The same for every link and every try: it names what the message leads from and to. */
  readonly nonce: string;
  /** The desired version at the moment of making. */
  readonly to: Version;
  /** The node has to pull the snapshot, so that its answer may take longer. */
  readonly pulled: boolean;
  readonly texts: WireTexts;
}

/** A configuration message, or why there is none to send. */
export type PreparedConfig =
  | ConfigMessage
  | { readonly kind: "nothing" }
  /** Not now: the database or a key is out of reach, or nothing could be published yet. */
  | { readonly kind: "unavailable" };
