import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** An etcd of one member. */
export interface Etcd {
  readonly endpoint: string;
  put(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** From now on only `root` may do anything, with this password. */
  protect(password: string): Promise<void>;
}

export type EtcdSearch =
  | { readonly kind: "found"; readonly etcd: Etcd }
  | { readonly kind: "none"; readonly why: string };

/** Starts an etcd of one's own on loopback. */
export async function startEtcd(cleanup: Cleanup): Promise<EtcdSearch> {
  const program = await findProgram("etcd");
  if (program === undefined) {
    return { kind: "none", why: "etcd is not installed (Debian: etcd-server)" };
  }
  const folder = await temporaryFolder(cleanup);
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const places = {
    "data-dir": join(folder, "data"),
    "listen-client-urls": endpoint,
    "advertise-client-urls": endpoint,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
  };
  const args = Object.entries(places).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(program, args, { stdio: "ignore" });
  const ended = once(child, "close");
  cleanup(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const call = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(`${endpoint}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (answer.status !== 200) throw new Error(`${path}: ${await answer.text()}`);
  };
  const encoded = (text: string): string => Buffer.from(text, "utf8").toString("base64");
  await eventually(() => call("kv/range", { key: encoded("x") }), { withinMs: 60_000 });
  const etcd: Etcd = {
    endpoint,
    put: (key, value) => call("kv/put", { key: encoded(key), value: encoded(value) }),
    remove: (key) => call("kv/deleterange", { key: encoded(key) }),
    protect: async (password) => {
      await call("auth/user/add", { name: "root", password });
      await call("auth/role/add", { name: "root" });
      await call("auth/user/grant", { user: "root", role: "root" });
      await call("auth/enable", {});
    },
  };
  return { kind: "found", etcd };
}
