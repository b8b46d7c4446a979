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
 * @throws Fault `local/port-taken` or `local/port-refused`, saying which port and what to type.
 */
export async function checkPort(wanted: WantedPort): Promise<void> {
  const code = await bindError(wanted.port);
  if (code === undefined) return;
  const taken = code === "EADDRINUSE";
  const trouble = taken ? "is taken" : `cannot be listened on (${code})`;
  throw new Fault({
    code: taken ? "local/port-taken" : "local/port-refused",
    owner: "platform",
    message:
      `127.0.0.1:${wanted.port}, for ${wanted.purpose}, ${trouble}. ` +
      `Choose another: npm start -- ${wanted.flag} ${suggestion(wanted.port)}`,
  });
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
