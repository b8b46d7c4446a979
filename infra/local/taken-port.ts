import { createServer } from "node:net";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

/** A port that will be listened on, and the flag that chooses another. */
export interface WantedPort {
  readonly purpose: string;
  readonly port: number;
  readonly flag: "--port" | "--demo-port";
}

/**
 * Looks before anything is started: a taken port is the likeliest trouble of a first start.
 *
 * @throws Fault `local/port-taken`, or `local/port-refused` when none of them is merely taken,
 * saying of every port what is wrong with it and what to type.
 */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const looked = await Promise.all(
    wanted.map(async (one) => ({ ...one, code: await bindError(one.port) })),
  );
  const wrong = looked.filter(({ code }) => code !== undefined);
  if (wrong.length === 0) return;
  const others = wrong.map(({ flag, port }) => `${flag} ${suggestion(port)}`);
  throw new Fault({
    code: wrong.some(({ code }) => code === takenCode) ? "local/port-taken" : "local/port-refused",
    owner: "platform",
    message: `${wrong.map(troubleOf).join(" ")} Choose another: npm start -- ${others.join(" ")}`,
  });
}

const takenCode = "EADDRINUSE";

function troubleOf({ port, purpose, code }: WantedPort & { code: string | undefined }): string {
  const trouble = code === takenCode ? "is taken" : `cannot be listened on (${code})`;
  return `127.0.0.1:${port}, for ${purpose}, ${trouble}.`;
}

function bindError(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error) => resolve(systemErrorCode(error) ?? error.message));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      probe.close(() => resolve(undefined));
    });
  });
}

function suggestion(port: number): number {
  const unprivilegedMin = 1_024;
  return port < unprivilegedMin ? port + 8_000 : (port % 65_535) + 1;
}
