import { z } from "zod";

import type { ControlClient } from "./control-client.ts";
import type { DemoState } from "./demo-state.ts";

const signupSchema = z.object({
  tenant: z.object({ id: z.string(), name: z.string() }),
  apiKey: z.object({ secret: z.string() }),
});

export interface TenantDeps {
  /** The control plane with the given key, or without one. */
  readonly clientWith: (key: string | undefined) => ControlClient;
  /** Hexadecimal digits that nobody guesses. */
  readonly randomHex: (bytes: number) => string;
}

/**
 * The tenant of the last start, as long as its key opens the control plane; else a new one. The
 * password is thrown away: the key is what the demo is used with.
 */
export async function ensureTenant(
  deps: TenantDeps,
  known: DemoState | undefined,
): Promise<DemoState> {
  if (known !== undefined && (await isWelcome(deps, known.key))) return known;
  const signup = await deps.clientWith(undefined).demand({
    method: "POST",
    path: "/v1/signup",
    body: {
      tenant: "demo",
      email: `demo-${deps.randomHex(6)}@example.com`,
      password: deps.randomHex(16),
    },
    answer: signupSchema,
  });
  return { tenant: signup.tenant, key: signup.apiKey.secret };
}

async function isWelcome(deps: TenantDeps, key: string): Promise<boolean> {
  const client = deps.clientWith(key);
  const outcome = await client.call({ method: "GET", path: "/v1/nodes", answer: z.unknown() });
  return outcome.ok || outcome.status !== 401;
}
