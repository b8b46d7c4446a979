import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

const portSchema = z.int().min(1).max(65_535);

const demoStateSchema = z.object({
  tenant: z.object({ id: z.string(), name: z.string() }),
  /** The secret itself: the control plane keeps only its hash. */
  key: z.string(),
  /** The demo balancer, once it was made. */
  balancer: z.string().optional(),
  /** Where the demo backends listened last. */
  backendPorts: z.tuple([portSchema, portSchema]).optional(),
});

/** What the next start must know of this one. */
export type DemoState = z.output<typeof demoStateSchema>;

/** Where the state of a data folder lies. */
export function demoStatePath(dataFolder: string): string {
  return join(dataFolder, "demo.json");
}

/**
 * The state that the last start left, or undefined before the first.
 *
 * @throws Fault `local/demo-state` when the file is there and cannot be used.
 */
export function readDemoState(dataFolder: string): DemoState | undefined {
  const path = demoStatePath(dataFolder);
  try {
    return demoStateSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new Fault({
      code: "local/demo-state",
      owner: "platform",
      message: `${path} cannot be used. Move it away to get a new demo tenant, or choose another folder: npm start -- --data DIR`,
      cause: error,
    });
  }
}

/** Keeps the state, for the owner's eyes only: it holds a key. */
export function writeDemoState(dataFolder: string, state: DemoState): void {
  const path = demoStatePath(dataFolder);
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  // The mode above counts only when the file is made.
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
