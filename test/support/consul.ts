import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A Consul agent, alone, as its own server. */
export interface Consul {
  /** `127.0.0.1:port` of its HTTP API. */
  readonly address: string;
  /** Calls its API; fails when it does not answer 200. */
  call(method: "GET" | "PUT", path: string, body?: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

export type ConsulSearch =
  | { readonly kind: "found"; readonly consul: Consul }
  | { readonly kind: "none"; readonly why: string };

/** The token of a Consul that was started with access rules. */
export const consulToken = "5f1c2a3b-0d4e-4f6a-8b7c-9d0e1f2a3b4c";

/** Starts a Consul of one's own on loopback; with `acl` it answers only to `consulToken`. */
export async function startConsul(
  cleanup: Cleanup,
  { acl = false }: { readonly acl?: boolean } = {},
): Promise<ConsulSearch> {
  const program = await findProgram("consul");
  if (program === undefined) {
    return { kind: "none", why: "consul is not installed (Debian bullseye: consul)" };
  }
  const folder = await temporaryFolder(cleanup);
  const port = await freePort();
  await mkdir(join(folder, "config"));
  await writeFile(join(folder, "config/consul.json"), JSON.stringify(await settings(port, acl)));
  const args = ["agent", "-dev", "-bind", "127.0.0.1", "-client", "127.0.0.1"];
  const child = spawn(program, [...args, "-config-dir", join(folder, "config")], {
    cwd: folder,
    stdio: "ignore",
  });
  const ended = once(child, "close");
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  };
  cleanup(stop);
  const address = `127.0.0.1:${port}`;
  const call: Consul["call"] = async (method, path, body) => {
    const answer = await fetch(`http://${address}${path}`, {
      method,
      headers: { "x-consul-token": consulToken },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    return parsed;
  };
  const leads = async (): Promise<boolean> => (await call("GET", "/v1/status/leader")) !== "";
  await eventually(leads, { withinMs: 60_000, everyMs: 100 });
  // The node itself is written into the catalogue a moment after the election.
  const knows = async (): Promise<boolean> =>
    JSON.stringify(await call("GET", "/v1/catalog/nodes")) !== "[]";
  await eventually(knows, { withinMs: 60_000, everyMs: 100 });
  return { kind: "found", consul: { address, call, stop } };
}

async function settings(http: number, acl: boolean): Promise<unknown> {
  const rules = {
    enabled: true,
    default_policy: "deny",
    tokens: { master: consulToken, agent: consulToken, default: "" },
  };
  return {
    ports: {
      http,
      https: -1,
      grpc: -1,
      dns: -1,
      server: await freePort(),
      serf_lan: await freePort(),
      serf_wan: -1,
    },
    ...(acl ? { acl: rules } : {}),
  };
}
