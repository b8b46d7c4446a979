import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";

type OnAnswer = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Resolves names as the system does, but asks only once at a time for the same name: a name server
 * that hangs would otherwise fill the process's few resolver threads with one question. Answers are
 * not kept; the system's resolver does that where it is wanted.
 */
export function sharedLookup(): LookupFunction {
  const waiting = new Map<string, OnAnswer[]>();
  return (hostname, options, onAnswer) => {
    const question = questionOf(hostname, options);
    const sameQuestion = waiting.get(question);
    if (sameQuestion !== undefined) {
      sameQuestion.push(onAnswer);
      return;
    }
    const askers: OnAnswer[] = [onAnswer];
    waiting.set(question, askers);
    lookup(hostname, options, (error, address, family) => {
      waiting.delete(question);
      for (const tell of askers) tell(error, address, family);
    });
  };
}

function questionOf(hostname: string, options: LookupOptions): string {
  return JSON.stringify([hostname, options.family, options.hints, options.all, options.order]);
}
