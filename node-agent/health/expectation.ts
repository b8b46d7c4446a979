import { Fault } from "#shared/base/fault.ts";
import { compilePattern } from "#shared/base/pattern.ts";
import { readProbeBytes } from "#shared/definition/healthcheck/probe-bytes.ts";
import type { ProbeCheck } from "#shared/definition/healthcheck/probe.ts";

/** What an answer has to be. */
export interface Expectation {
  /** Bytes to look at; an answer with fewer is no answer. */
  readonly length: number;
  /** Whether so many bytes are as expected. */
  readonly isMet: (answer: Uint8Array) => boolean;
  /** Whether what there is so far can still become an answer as expected. */
  readonly isPossible: (soFar: Uint8Array) => boolean;
}

/**
 * What a probe expects.
 *
 * @throws Fault `health/unchecked` for a definition that has not been checked
 */
export function expectationOf({ strategy, recv, recvLen }: ProbeCheck): Expectation {
  switch (strategy) {
    case "startsWith": {
      const wanted = probeBytes(recv);
      const begins = (soFar: Uint8Array): boolean => {
        const length = Math.min(soFar.length, wanted.length);
        return Buffer.compare(soFar.subarray(0, length), wanted.subarray(0, length)) === 0;
      };
      return { length: wanted.length, isMet: begins, isPossible: begins };
    }
    case "regexp": {
      const compiled = compilePattern(recv);
      if (!compiled.ok) throw unchecked(`the pattern of a probe: ${compiled.detail}`);
      const { pattern } = compiled;
      return {
        length: recvLen,
        isMet: (answer) => pattern.testBytes(answer.subarray(0, recvLen)),
        isPossible: () => true,
      };
    }
  }
}

/**
 * The bytes that a checked text stands for.
 *
 * @throws Fault `health/unchecked` for a text that has not been checked
 */
export function probeBytes(text: string): Uint8Array {
  const bytes = readProbeBytes(text);
  if (bytes.ok) return bytes.value;
  throw unchecked(`the bytes of a probe: ${bytes.detail}`);
}

function unchecked(what: string): Fault {
  return new Fault({
    code: "health/unchecked",
    owner: "platform",
    message: `a check reached an agent without having been checked: ${what}`,
  });
}
