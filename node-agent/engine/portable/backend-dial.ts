import { connect as openSocket, type LookupFunction, type Socket } from "node:net";

import { systemErrorCode } from "#shared/base/fault.ts";

import type { Address, ConnectTerms } from "../engine.ts";
import type { ConnectTls } from "../tls-terms.ts";
import type { BackendTls } from "./backend-tls.ts";
import { isReset } from "./node-tls-inside.ts";
import type { Side } from "./side.ts";
import { socketOptions } from "./socket-options.ts";
import { tlsFailureOf } from "./tls-failure-of.ts";

/** Opens the socket of a dial; whoever called owns it. */
export function openTowards(target: Address, lookup: LookupFunction): Socket {
  return target.kind === "unix"
    ? openSocket({ ...socketOptions, path: target.path })
    : openSocket({ ...socketOptions, host: target.host, port: target.port, lookup });
}

export interface Dial {
  readonly backend: Side;
  readonly target: Address;
  readonly terms: ConnectTerms;
  readonly tls: SecureDial | undefined;
}

/** What `terms.tls` asks for. */
export interface SecureDial {
  readonly with: BackendTls;
  readonly how: ConnectTls;
}

export interface DialDeps {
  /** Its stream takes bytes; the prefix has been written. */
  readonly onConnected: () => void;
  /** Before that. */
  readonly onFailed: (code: string) => void;
  /** After it was connected. */
  readonly onError: () => void;
}

/** Takes a backend's socket from its first tick to where bytes can flow, through TLS if so asked. */
export function dialBackend(deps: DialDeps, { backend, target, terms, tls }: Dial): void {
  const { wire } = backend;
  const { prefix } = terms;
  let isOver = false;
  const fail = (code: string): void => {
    if (isOver) return deps.onError();
    isOver = true;
    deps.onFailed(code);
  };
  const connected = (stream: Socket, first: Uint8Array | undefined): void => {
    if (isOver) return;
    isOver = true;
    if (first !== undefined) stream.write(first);
    deps.onConnected();
  };
  const secure = (dial: SecureDial): void => {
    if (isOver || wire.destroyed) return;
    const stream = dial.with.begin(wire, textOf(target), dial.how);
    backend.secure(stream);
    stream.on("error", (error: Error) => fail(`tls-${tlsFailureOf(error)}`));
    wire.on("end", () => {
      if (!isOver) fail("tls-ended");
    });
    stream.on("end", () => {
      if (isOver && isReset(wire, stream)) deps.onError();
    });
    stream.once("secureConnect", () =>
      connected(stream, dial.how.prefix === "inside" ? prefix : undefined),
    );
  };
  wire.on("error", (error) =>
    fail(backend.isSecured ? "tls-ended" : (systemErrorCode(error) ?? "EUNKNOWN")),
  );
  wire.once("connect", () => {
    if (tls === undefined) return connected(wire, prefix);
    if (prefix === undefined || tls.how.prefix === "inside") return secure(tls);
    // What is in clear has left before anything else touches the socket.
    wire.write(prefix, () => secure(tls));
  });
}

function textOf(target: Address): string {
  return target.kind === "unix" ? target.path : `${target.host} ${target.port}`;
}
