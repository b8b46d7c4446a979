import { X509Certificate } from "node:crypto";
import { isIP, type LookupFunction } from "node:net";
import { createSecureContext, connect as shakeHands, type SecureContext } from "node:tls";

import type { Clock } from "#shared/base/clock.ts";
import type { CheckTls } from "#shared/definition/healthcheck/check-tls.ts";
import { socketPathOf } from "#shared/definition/socket-path.ts";

import { FollowedFile } from "../runtime/followed-file.ts";
import {
  connectTo,
  endAtOnce,
  type CheckConnection,
  type OpenConnection,
} from "./check-connection.ts";
import type { ProbeTarget } from "./probe.ts";

export interface TlsConnectionsDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  /** Whom to trust where the definition does not say. */
  readonly authorities: () => SecureContext;
}

/** Connections over TLS; none as long as the authorities of the definition cannot be read. */
export function tlsConnections(deps: TlsConnectionsDeps, tls: CheckTls): OpenConnection {
  const authorities = authoritiesOf(deps, tls);
  return (target) => {
    const secureContext = authorities();
    return secureContext && open({ tls, target, secureContext, lookup: deps.lookup });
  };
}

interface Opening {
  readonly tls: CheckTls;
  readonly target: ProbeTarget;
  readonly secureContext: SecureContext;
  readonly lookup: LookupFunction;
}

function open({ tls, target, secureContext, lookup }: Opening): CheckConnection {
  const { ignoreVerify = false, serverName = serverNameOf(target) } = tls;
  const transport = connectTo(target, lookup);
  const socket = shakeHands({
    socket: transport,
    secureContext,
    rejectUnauthorized: !ignoreVerify,
    host: serverName,
    // An address is verified, and never sent (RFC 6066, section 3).
    servername: isIP(serverName) === 0 ? serverName : "",
  });
  transport.on("error", (error) => socket.destroy(error));
  const end = (): void => {
    // In this order: a reset needs the handle that closing the outer one takes along.
    endAtOnce(transport, target);
    socket.destroy();
  };
  return { socket, openEvent: "secureConnect", end };
}

/** A Unix socket has no name of its own: whoever serves there is this host. */
export function serverNameOf({ host }: ProbeTarget): string {
  return socketPathOf(host) === undefined ? host : "localhost";
}

function authoritiesOf(
  { clock, authorities }: TlsConnectionsDeps,
  { rootCa }: CheckTls,
): () => SecureContext | undefined {
  if (rootCa === undefined) return authorities;
  if ("file" in rootCa) {
    const file = new FollowedFile({ clock, path: rootCa.file, parse: contextOf });
    return () => file.read();
  }
  const context = contextOf(rootCa.pem);
  return () => context;
}

/** Undefined for what is no certificate: trusting the usual authorities instead would be a lie. */
function contextOf(pem: string): SecureContext | undefined {
  try {
    const first = new X509Certificate(pem);
    return first.raw.length > 0 ? createSecureContext({ ca: pem }) : undefined;
  } catch {
    return undefined;
  }
}
