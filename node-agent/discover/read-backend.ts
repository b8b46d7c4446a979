import { backendSchema, type Backend } from "#shared/definition/backend.ts";
import { unbracketed } from "#shared/definition/host.ts";

/** What a source says of a backend; what it does not say, or says wrongly, takes its default. */
export interface FoundBackend {
  /** IPv6 with or without brackets. */
  readonly host: string;
  readonly port: number;
  readonly weight?: unknown;
  readonly priority?: unknown;
  readonly maxConnections?: unknown;
  readonly sni?: unknown;
}

/** The backend, or undefined when its host or port is none that traffic could go to. */
export function readBackend(found: FoundBackend): Backend | undefined {
  const { weight, priority, maxConnections, sni } = backendSchema.shape;
  const parsed = backendSchema.safeParse({
    host: unbracketed(found.host),
    port: found.port,
    weight: weight.safeParse(found.weight).data,
    priority: priority.safeParse(found.priority).data,
    maxConnections: maxConnections.safeParse(found.maxConnections).data,
    sni: sni.safeParse(found.sni).data,
  });
  return parsed.success ? parsed.data : undefined;
}

/** A number that a source writes as a text; undefined when it is none. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
