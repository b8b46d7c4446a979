import { isIP, type LookupFunction } from "node:net";

import { systemErrorCode } from "#shared/base/fault.ts";

/** `code` is undefined when there is an address. */
export type ResolvedHost = (code: string | undefined, address: string) => void;

/** Turns a name into an address; an address is answered within the call. */
export function resolveHost(lookup: LookupFunction, host: string, onAnswer: ResolvedHost): void {
  if (isIP(host) !== 0) return onAnswer(undefined, host);
  lookup(host, {}, (error, address) => {
    if (error !== null) return onAnswer(systemErrorCode(error) ?? "ENOTFOUND", "");
    onAnswer(undefined, typeof address === "string" ? address : (address[0]?.address ?? ""));
  });
}
