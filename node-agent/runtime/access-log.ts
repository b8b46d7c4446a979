/** Lines of access logs, on their way from a worker to whoever writes them. */
export interface AccessLines {
  /** Each line ends with a line feed. */
  readonly text: string;
  readonly count: number;
  /** Lines that were left out since the last ones. */
  readonly dropped: number;
}

/** Where access logs of this node go: among its other log lines, nowhere, or to a file. */
export type AccessLogTarget =
  | { readonly kind: "log" }
  | { readonly kind: "off" }
  | { readonly kind: "file"; readonly path: string };

/** What takes text without ever waiting; false when it does not take this one. */
export interface AccessOutput {
  write(text: string): boolean;
}

/** How many lines there were. */
export interface AccessCounts {
  readonly written: number;
  /** Left out, because workers or the output could not keep up. */
  readonly dropped: number;
}

/** Writes what workers tell of connections that have ended, and counts what is left out. */
export class AccessLog {
  readonly #output: AccessOutput;
  #written = 0;
  #dropped = 0;

  constructor(output: AccessOutput) {
    this.#output = output;
  }

  /** Never waits and never throws. */
  take({ text, count, dropped }: AccessLines): void {
    this.#dropped += dropped;
    if (count === 0) return;
    if (this.#output.write(text)) this.#written += count;
    else this.#dropped += count;
  }

  /** Since this process started. */
  counts(): AccessCounts {
    return { written: this.#written, dropped: this.#dropped };
  }
}
