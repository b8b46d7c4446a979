import { z } from "zod";

import { Fault } from "../base/fault.ts";
import { bindsPerBalancerMax, textCharsMax } from "../base/limits.ts";
import {
  bracketsHelp,
  canonicalAddress,
  isAddress,
  isIpv6,
  readPort,
  splitPort,
  unbracketed,
} from "./host.ts";
import { readableText, refused, understood, type Reading } from "./reading.ts";
import { readSocketPath, socketPathOf } from "./socket-path.ts";

/** Where a balancer listens. */
export type Bind = AddressBind | UnixBind | InterfaceBind;

/** Both ends included; equal for a single port. */
export interface PortRange {
  readonly fromPort: number;
  readonly toPort: number;
}

export interface AddressBind extends PortRange {
  readonly kind: "address";
  /** An address, IPv6 without brackets and in its short form. A wildcard takes IPv4 and IPv6. */
  readonly host: string;
}

export interface UnixBind {
  readonly kind: "unix";
  readonly path: string;
}

export interface InterfaceBind extends PortRange {
  readonly kind: "interface";
  /** A network interface of the node, or a label that the node's own settings give an address. */
  readonly name: string;
}

const bindSchema = readableText(readBind, textCharsMax).meta({
  id: "Bind",
  description:
    "Where to listen: address:port, :port for every address, a range address:from-to, [v6]:port, " +
    "unix:/path, or interface:name:port",
  examples: ["0.0.0.0:443", ":9000", "[::1]:8000-8010", "unix:/run/web.sock", "interface:eth1:443"],
});

export const bindsSchema = z.array(bindSchema).min(1).max(bindsPerBalancerMax);

/**
 * What a checked bind says.
 *
 * @throws Fault `definition/not-a-bind` when the text was never checked
 */
export function parseBind(text: string): Bind {
  const reading = readBind(text);
  if (reading.ok) return reading.value;
  throw new Fault({
    code: "definition/not-a-bind",
    owner: "platform",
    message: "a bind reached its use without having been checked",
  });
}

/** Understands a bind as it is written, or says what is wrong with it. */
export function readBind(text: string): Reading<Bind> {
  const path = socketPathOf(text);
  if (path !== undefined) return readUnixBind(path);
  if (text.startsWith("interface:")) return readInterfaceBind(text.slice("interface:".length));
  return readAddressBind(text);
}

/** Whether it listens on every address of the node. */
export function isWildcard(host: string): boolean {
  return host === "::" || host === "0.0.0.0";
}

/** How many ports a bind takes; 0 for a Unix socket. */
export function portsOf(bind: Bind): number {
  return bind.kind === "unix" ? 0 : bind.toPort - bind.fromPort + 1;
}

function readAddressBind(text: string): Reading<Bind> {
  const split = splitPort(text);
  if (split === undefined) {
    return refused(
      "invalid-address",
      "write address:port, :port, unix:/path or interface:name:port",
    );
  }
  const ports = readPortRange(split.port);
  if (!ports.ok) return ports;
  const host = readBindHost(split.host);
  return host.ok ? understood({ kind: "address", host: host.value, ...ports.value }) : host;
}

/** Names are not looked up: what one means may change, and a node's policy is about addresses. */
function readBindHost(text: string): Reading<string> {
  // Both stacks, which is what an empty host means to every socket API.
  if (text === "") return understood("::");
  if (text === "localhost") return understood("127.0.0.1");
  const host = unbracketed(text);
  if (!isAddress(host)) {
    return refused(
      "invalid-address",
      "a balancer listens on an address of the node, not on a name",
    );
  }
  if (isIpv6(host) !== text.startsWith("[")) return refused("invalid-address", bracketsHelp);
  return understood(canonicalAddress(host));
}

function readPortRange(text: string): Reading<PortRange> {
  const dash = text.indexOf("-");
  const from = readPort(dash === -1 ? text : text.slice(0, dash));
  const to = dash === -1 ? from : readPort(text.slice(dash + 1));
  if (!from.ok) return from;
  if (!to.ok) return to;
  if (from.value > to.value) {
    return refused("invalid-address", "a port range starts with its lower port");
  }
  return understood({ fromPort: from.value, toPort: to.value });
}

function readUnixBind(path: string): Reading<Bind> {
  const reading = readSocketPath(path);
  return reading.ok ? understood({ kind: "unix", path }) : reading;
}

function readInterfaceBind(text: string): Reading<Bind> {
  const split = splitPort(text);
  if (split === undefined || !/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/.test(split.host)) {
    return refused("invalid-address", "write interface:name:port");
  }
  const ports = readPortRange(split.port);
  return ports.ok ? understood({ kind: "interface", name: split.host, ...ports.value }) : ports;
}
