import { X509Certificate } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import type { LookupFunction } from "node:net";
import { dirname } from "node:path";
import { connect } from "node:tls";

import { systemErrorCode } from "#shared/base/fault.ts";

import { failedFetch } from "../discovery.ts";
import { httpFailure } from "../http/http-failure.ts";
import type { Got } from "../http/tls-material.ts";

export interface ServerPlace {
  readonly origin: string;
  readonly lookup: LookupFunction;
  readonly signal: AbortSignal;
}

/**
 * Takes the certificate that the server shows and keeps it in this file: trust on first use. From
 * then on the server has to show this one. A file that is there already is not overwritten.
 */
export async function acceptServerCertificate(
  place: ServerPlace,
  file: string,
): Promise<Got<string>> {
  const shown = await shownCertificate(place);
  if (!shown.ok) return shown;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, shown.value, { mode: 0o644, flag: "wx" });
    return shown;
  } catch (error) {
    return failedFetch("bad-file", `${file}: ${systemErrorCode(error) ?? "failed"}`);
  }
}

function shownCertificate({ origin, lookup, signal }: ServerPlace): Promise<Got<string>> {
  return new Promise((resolve) => {
    const { hostname, port, host } = new URL(origin);
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port),
      lookup,
      // Nothing is sent: whom we talk to is what we want to know.
      rejectUnauthorized: false,
    });
    const end = (outcome: Got<string>): void => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      resolve(outcome);
    };
    const abort = (): void => end(failedFetch("aborted", `${host}: the fetch was ended`));
    socket.on("error", (error) => end(httpFailure(error, host, signal)));
    socket.on("secureConnect", () => {
      const { raw } = socket.getPeerCertificate();
      end({ ok: true, value: new X509Certificate(raw).toString() });
    });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}
