/** What strategies look at besides the backends. */
export interface ElectionSources {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds, those of `liveSinceMs`. */
  readonly nowMs: () => number;
  /** Connections of the backend with this slot, with those being dialled, over all workers. */
  readonly inUse: (slot: number) => number;
  /** The same of many at once: fills in a number for each slot. */
  readonly readInUse: (slots: Int32Array, into: Int32Array) => void;
  /** Bytes a second, both ways, as measured last. */
  readonly rate: (slot: number) => number;
  /** Another number after every measurement. */
  readonly measurement: () => number;
  readonly cursor: RotationCursor;
  /** Undefined when clients are not remembered. */
  readonly remembered: Remembered | undefined;
}

/** A place in a rotation that all workers share. */
export interface RotationCursor {
  read(): number;
  /** False when another worker moved it meanwhile. */
  move(from: number, to: number): boolean;
}

/** Which client went where, over all workers. */
export interface Remembered {
  /** The `slotKey` of the client's backend; undefined when it has none. */
  find(address: Uint8Array): number | undefined;
}
