import type { CloseCode } from "#shared/wire/protocol.ts";

import type { WireTexts } from "../publish/prepared-config.ts";

/** What brings frames to a node. It never throws: a carrier that is gone drops what it gets. */
export interface LinkCarrier {
  send(texts: WireTexts): void;
  /** Bytes that the node has not read yet. */
  unsentBytes(): number;
  /** Sends what waits, then closes; `onClosed` follows within a bound. */
  close(code: CloseCode, reason: string): void;
}

/** What a carrier hears. */
export interface CarrierListener {
  readonly onText: (text: string) => void;
  readonly onBinary: () => void;
  /** Once, last. */
  readonly onClosed: (code: number) => void;
}
