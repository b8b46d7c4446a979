import type { X509Certificate } from "node:crypto";

import type { Problem } from "#shared/base/problem.ts";
import { chainOrderProblems, chainTimeProblems } from "#shared/validation/chain-problems.ts";

/** What a chain from files is judged by: nobody has looked at it when the balancer was written. */
export interface FileChainTerms {
  readonly nowMs: number;
  /**
   * Whether a chain is used whatever is wrong with it: it is shown already, or was as far as this node
   * knows, and nothing better is there.
   */
  readonly isServed: (certificatePem: string) => boolean;
}

export interface JudgedChain {
  /** Why it is not to be used. */
  readonly problems: readonly Problem[];
  /** What is wrong with one that is used all the same. */
  readonly doubts: readonly Problem[];
}

/** Whether a chain that came from a file may be shown; pointers are the given one. */
export function judgeFileChain(
  { nowMs, isServed }: FileChainTerms,
  chain: readonly X509Certificate[],
  { certificatePem, pointer }: { readonly certificatePem: string; readonly pointer: string },
): JudgedChain {
  const found = [
    ...chainTimeProblems(chain, pointer, nowMs),
    ...chainOrderProblems(chain, pointer),
  ];
  if (!isServed(certificatePem)) return { problems: found, doubts: [] };
  // That one in use is over is told with the ends.
  return { problems: [], doubts: found.filter(({ code }) => code !== "expired") };
}
