import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { errorText } from "#shared/base/fault.ts";

/** What `npm start` was asked to do. */
export interface StartOptions {
  /** Where the control plane listens, on 127.0.0.1. */
  readonly port: number;
  /** Absolute; everything that outlives a run lies here. */
  readonly dataFolder: string;
  /** False leaves out the demo balancer and its backends. */
  readonly withDemo: boolean;
  /** Where the demo balancer listens, on 127.0.0.1. */
  readonly demoPort: number;
}

export type OptionsOutcome =
  | { readonly kind: "start"; readonly options: StartOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problems: readonly string[] };

/** Printed by `--help` and after a wrong call. */
export const usage = `npm start -- [--port 8080] [--data DIR] [--no-demo] [--demo-port 9000]

  --port       the control plane's port on 127.0.0.1 (8080)
  --data       where everything is kept between two starts (.midstream)
  --no-demo    no demo balancer and no demo backends: Postgres, control plane and one node
  --demo-port  the demo balancer's port on 127.0.0.1 (9000)`;

/** Reads the command line; a relative `--data` is taken from `workingFolder`. */
export function readOptions(args: readonly string[], workingFolder: string): OptionsOutcome {
  const parsed = parsedArgs(args);
  if (parsed.kind === "wrong") return parsed;
  const { values } = parsed;
  if (values.help === true) return { kind: "help" };
  const port = readPort("--port", values.port ?? "8080");
  const demoPort = readPort("--demo-port", values["demo-port"] ?? "9000");
  if (typeof port === "string" || typeof demoPort === "string") {
    return wrong([port, demoPort].filter((read) => typeof read === "string"));
  }
  if (port === demoPort) return wrong([`--port and --demo-port are both ${port}`]);
  const dataFolder = resolve(workingFolder, values.data ?? ".midstream");
  return {
    kind: "start",
    options: { port, dataFolder, demoPort, withDemo: values["no-demo"] !== true },
  };
}

function parsedArgs(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        data: { type: "string" },
        "demo-port": { type: "string" },
        "no-demo": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { kind: "parsed", values } as const;
  } catch (error) {
    return wrong([errorText(error)]);
  }
}

function wrong(problems: readonly string[]) {
  return { kind: "wrong", problems } as const;
}

/** The port, or what is wrong with it. */
function readPort(flag: string, text: string): number | string {
  const port = Number(text);
  const isPort = /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535;
  return isPort ? port : `${flag} ${text}: a port is a number from 1 to 65535`;
}
