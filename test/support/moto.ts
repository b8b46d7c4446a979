import { spawn } from "node:child_process";
import { once } from "node:events";

import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram } from "./run-command.ts";

/** AWS as moto plays it. */
export interface Moto {
  readonly endpoint: string;
  /** What a client is made with. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
}

export type MotoSearch =
  | { readonly kind: "found"; readonly moto: Moto }
  | { readonly kind: "none"; readonly why: string };

/** Starts a moto of one's own on loopback. */
export async function startMoto(cleanup: Cleanup): Promise<MotoSearch> {
  const program = await findProgram("moto_server");
  if (program === undefined) {
    return { kind: "none", why: "moto_server is not installed (PyPI: moto[server])" };
  }
  const port = await freePort();
  const child = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const ended = once(child, "close");
  cleanup(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await eventually(
    async () => {
      const answer = await fetch(`${endpoint}/moto-api/data.json`);
      await answer.arrayBuffer();
      return answer.status === 200;
    },
    { withinMs: 120_000, everyMs: 100 },
  );
  const credentials = { accessKeyId: "AKIDTEST", secretAccessKey: "hush-hush" };
  return {
    kind: "found",
    moto: { endpoint, client: { endpoint, region: "eu-central-1", credentials } },
  };
}
