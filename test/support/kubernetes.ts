import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { join } from "node:path";

import { startEtcd } from "./etcd.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { outputOf } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { testCertificate } from "./test-certificates.ts";

/** An API server of one's own, without controllers: whoever tests writes what they would write. */
export interface Kubernetes {
  readonly origin: string;
  /** The authority of its certificate. */
  readonly ca: string;
  /** May do everything. */
  readonly token: string;
  /** Asks as the administrator. */
  call(method: string, path: string, body?: unknown): Promise<KubernetesAnswer>;
  /** The status and every byte of an answer until it ends. */
  raw(path: string): Promise<KubernetesAnswer>;
  /** Forgets all changes so far; what the server itself still has in memory it goes on telling. */
  forget(): Promise<void>;
}

export interface KubernetesOptions {
  /** False: the server keeps no changes in memory. */
  readonly remembers?: boolean;
}

export interface KubernetesAnswer {
  readonly status: number;
  readonly text: string;
}

const token = "administrator-of-the-test";

/**
 * Starts an API server of this program, on an etcd of its own.
 *
 * @throws Error when etcd is not installed
 */
export async function startKubernetes(
  cleanup: Cleanup,
  program: string,
  { remembers = true }: KubernetesOptions = {},
): Promise<Kubernetes> {
  const search = await startEtcd(cleanup);
  if (search.kind === "none") throw new Error(search.why);
  const folder = await temporaryFolder(cleanup);
  const at = (name: string): string => join(folder, name);
  await writeFile(at("tokens.csv"), `${token},admin,1,system:masters\n`);
  await writeFile(at("tls.crt"), testCertificate.cert);
  await writeFile(at("tls.key"), testCertificate.key);
  await outputOf(["openssl", "genrsa", "-out", at("accounts.key"), "2048"]);
  const port = await freePort();
  const settings = {
    "etcd-servers": search.etcd.endpoint,
    "watch-cache": String(remembers),
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": at("accounts.key"),
    "service-account-signing-key-file": at("accounts.key"),
    "token-auth-file": at("tokens.csv"),
    "tls-cert-file": at("tls.crt"),
    "tls-private-key-file": at("tls.key"),
    "authorization-mode": "RBAC",
    "service-cluster-ip-range": "10.96.0.0/16",
    "secure-port": String(port),
    "bind-address": "127.0.0.1",
    "disable-admission-plugins": "ServiceAccount",
  };
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(program, args, { stdio: "ignore", cwd: folder });
  const ended = once(child, "close");
  cleanup(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const origin = `https://127.0.0.1:${port}`;
  const call = (method: string, path: string, body?: unknown) =>
    ask(origin, { method, path, body });
  await eventually(async () => (await call("GET", "/readyz")).status === 200, {
    withinMs: 120_000,
  });
  return {
    origin,
    ca: testCertificate.cert,
    token,
    call,
    raw: (path) => call("GET", path),
    forget: () => forgetAll(search.etcd.endpoint),
  };
}

async function forgetAll(endpoint: string): Promise<void> {
  const range = await etcdCall(endpoint, "range", { key: "AA==" });
  const { revision } = (range as { readonly header: { readonly revision: string } }).header;
  await etcdCall(endpoint, "compaction", { revision, physical: true });
}

async function etcdCall(endpoint: string, name: string, body: unknown): Promise<unknown> {
  const init = { method: "POST", body: JSON.stringify(body) };
  return (await fetch(`${endpoint}/v3/kv/${name}`, init)).json();
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

async function ask(origin: string, { method, path, body }: Question): Promise<KubernetesAnswer> {
  const asking = request(`${origin}${path}`, {
    method,
    ca: testCertificate.cert,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  asking.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(Buffer.from(chunk as Uint8Array));
  return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}
