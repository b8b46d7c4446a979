import { agentPaths } from "#shared/wire/protocol.ts";

/** What is wrong with the address of a control plane. */
export type ControlUrlProblem = "not-a-url" | "not-http" | "has-extras" | "insecure";

export type ControlUrl =
  | { readonly ok: true; readonly url: URL }
  | { readonly ok: false; readonly problem: ControlUrlProblem };

/**
 * Reads a control plane's base URL. Plain http is for loopback only, unless `insecure` allows it:
 * a join token and a snapshot would be readable on the way, although no snapshot could be changed.
 */
export function readControlUrl(text: string, insecure: boolean): ControlUrl {
  const url = URL.parse(text);
  if (url === null) return { ok: false, problem: "not-a-url" };
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { ok: false, problem: "not-http" };
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return { ok: false, problem: "has-extras" };
  }
  if (url.protocol === "http:" && !insecure && !isLoopback(url.hostname)) {
    return { ok: false, problem: "insecure" };
  }
  return { ok: true, url };
}

/** The address below the control plane's base, whatever path that has. */
export function controlAddress(control: string, path: string): URL {
  const base = new URL(control);
  return new URL(`${basePathOf(base)}${path}`, base);
}

/**
 * The path of an address of the control plane as that itself sees it: whatever serves it below a base
 * path takes that away, so signatures are made without. Undefined for any other address.
 */
export function pathBelow(control: string, url: URL): string | undefined {
  const base = new URL(control);
  const prefix = basePathOf(base);
  const isBelow = url.origin === base.origin && url.pathname.startsWith(`${prefix}/`);
  return isBelow ? url.pathname.slice(prefix.length) : undefined;
}

/** Where the link is opened. */
export function linkAddress(control: string): URL {
  const url = controlAddress(control, agentPaths.link);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

function basePathOf(base: URL): string {
  return base.pathname.replace(/\/+$/, "");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
