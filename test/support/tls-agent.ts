import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import type { Driver } from "../../node-agent/engine/engine.ts";
import { entryOn } from "./agent-traffic.ts";
import { agentUnderTest } from "./agent-under-test.ts";
import type { TestAuthority, Wanted } from "./certificate-authority.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup, RunningProcess } from "./processes.ts";
import type { ScriptedControl } from "./scripted-control.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Certificates of an authority in files that an agent's policy lets balancers read. */
export interface CertificateFolder {
  readonly path: string;
  issue(wanted: Wanted): Promise<FiledCertificate>;
}

/** A certificate as a definition's `tls.certificates` names it. */
export interface FiledCertificate {
  readonly files: { readonly certPath: string; readonly keyPath: string };
}

export async function certificateFolder(
  cleanup: Cleanup,
  authority: TestAuthority,
): Promise<CertificateFolder> {
  const path = await temporaryFolder(cleanup);
  let count = 0;
  return {
    path,
    issue: async (wanted) => {
      count += 1;
      const files = {
        certPath: join(path, `${count}.crt`),
        keyPath: join(path, `${count}.key`),
      };
      const { cert, key } = await authority.issue(wanted);
      await writeFile(files.certPath, cert);
      await writeFile(files.keyPath, key);
      return { files };
    },
  };
}

/** An agent's process that terminates TLS, each balancer on a port of its own and under a name. */
export interface TlsAgent {
  readonly process: RunningProcess;
  readonly adminUrl: string;
  readonly control: ScriptedControl;
  portOf(name: string): number;
  /** Why handshakes failed at a balancer so far, as the access log says, the first one first. */
  failuresOf(name: string): readonly string[];
}

export interface TlsAgentSpec {
  readonly driver: Driver;
  readonly folder: CertificateFolder;
  /** Of loopback; every balancer has this one. */
  readonly backend: number;
  /** The section `tls` of each. */
  readonly balancers: Readonly<Record<string, object>>;
  /** Further sections, by the balancer's name. */
  readonly more?: Readonly<Record<string, object>>;
  /** For the agent's process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts one; it, and what it needs, is taken away by `cleanup`. */
export async function startTlsAgent(cleanup: Cleanup, spec: TlsAgentSpec): Promise<TlsAgent> {
  const { environment = {}, more = {} } = spec;
  const agent = await agentUnderTest(cleanup, { environment });
  const policy = { files: { allow: [`${spec.folder.path}/`] } };
  await writeFile(join(agent.folder, "policy.json"), JSON.stringify(policy));
  const ports = new Map<string, number>();
  for (const name of Object.keys(spec.balancers)) ports.set(name, await freePort());
  const portOf = (name: string): number => {
    const port = ports.get(name);
    if (port === undefined) throw new Error(`no balancer is called ${name}`);
    return port;
  };
  const entries = Object.entries(spec.balancers).map(([name, tls]) =>
    entryOn(
      `bal_${name}`,
      { port: portOf(name), backend: spec.backend },
      { protocol: "tls", accessLog: {}, tls, ...more[name] },
    ),
  );
  await agent.store(agent.publisher.snapshot(1, entries));
  const running = await agent.run("--relay", spec.driver, "--workers", "2");
  return {
    process: running.process,
    adminUrl: running.adminUrl,
    control: agent.control,
    portOf,
    failuresOf: (name) => failuresIn(running.process.output(), `bal_${name}`),
  };
}

const failedSchema = z.object({ balancer: z.string(), tlsFailure: z.string() });

function failuresIn(output: string, balancer: string): readonly string[] {
  const lines = output.split("\n").filter((line) => line.includes('"tlsFailure"'));
  return lines
    .map((line) => failedSchema.parse(JSON.parse(line)))
    .filter((line) => line.balancer === balancer)
    .map(({ tlsFailure }) => tlsFailure);
}
