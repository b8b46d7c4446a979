import { systemErrorCode } from "#shared/base/fault.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";

/**
 * Why a request failed, with a stable code. Only codes of errors are told, never their texts: those
 * may quote an address with a password, or a header.
 *
 * @param where whom it was sent to, without credentials
 */
export function httpFailure(error: unknown, where: string, signal: AbortSignal): FailedFetch {
  if (signal.aborted) return failedFetch("aborted", `${where}: the fetch was ended`);
  const code = systemErrorCode(error) ?? nameOf(error);
  return failedFetch(kindOf(code), `${where}: ${code}`);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}

function kindOf(code: string): string {
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") return "too-big";
  if (/^(?:HPE_|UND_ERR_HEADERS_OVERFLOW)/.test(code)) return "bad-answer";
  if (code === "UND_ERR_INVALID_ARG") return "bad-request";
  return /TLS|SSL|CERT|SIGNED/.test(code) ? "tls" : "unreachable";
}
