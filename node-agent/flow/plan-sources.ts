import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { planSourceMsMax, planTextCharsMax } from "#shared/base/limits.ts";
import type { Backend } from "#shared/definition/backend.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { sourcesOf, type Source } from "#shared/definition/discovery/discovery.ts";
import { isSecretReference, secretFieldsOf } from "#shared/definition/secret.ts";
import type { PlanProblem, PlanSource, PlanUnaskedReason } from "#shared/wire/plan.ts";

import { boundedFetch } from "../discover/bounded-fetch.ts";
import { createSource, sourceTerms } from "../discover/create-source.ts";
import type { Skipped } from "../discover/discovery.ts";
import { ownBackends } from "../discover/own-backends.ts";
import { revealCertificates, type CertificateOf } from "../discover/reveal-certificates.ts";
import { revealSecrets } from "../discover/reveal-secrets.ts";
import { hostAddresses } from "../runtime/host-addresses.ts";
import { doubt, type Seen } from "./plan-finding.ts";
import { plannedWithManaged, type PlannedBackend } from "./plan-managed.ts";

export interface PlanSourcesDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly certificateOf: CertificateOf;
}

export interface PlannedSources {
  readonly definition: Balancer;
  /** Values of those of its secrets that this node has. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What the policy forbids: such a source is not asked. */
  readonly denied: readonly PlanProblem[];
  /** Time for all of them, in milliseconds. */
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

export interface FoundBackends {
  readonly discoverable: Seen;
  readonly backends: readonly PlannedBackend[];
  /** Each source, in their order. */
  readonly sources: readonly PlanSource[];
  /** Sources whose backends are not known. */
  readonly unknown: readonly PlanProblem[];
}

/**
 * Asks every source once. Not asked are those that the policy forbids, that would run a command or
 * write to the host's disk, and those whose secret is not on this node.
 */
export async function plannedSources(
  deps: PlanSourcesDeps,
  input: PlannedSources,
): Promise<FoundBackends> {
  const withSecrets = revealSecrets(input.definition, input.secrets);
  const revealed = revealCertificates(withSecrets, deps.certificateOf);
  const looked = await Promise.all(
    sourcesOf(revealed.discovery).map(async ({ source, pointer }) => {
      const { kind } = source;
      const reason = whyNotAsked({ ...input, definition: revealed }, source, pointer);
      if (reason !== undefined) {
        const doubts = [doubt(pointer, unaskedTexts[reason])];
        return { pointer, kind, ...nothing, doubts, reason };
      }
      return { pointer, kind, ...nothing, ...(await asked(deps, input, { source, pointer })) };
    }),
  );
  const isUnknown = ({ doubts, problems }: Seen): boolean => doubts.length + problems.length > 0;
  return {
    discoverable: {
      problems: looked.flatMap(({ problems }) => problems),
      doubts: looked.flatMap(({ doubts }) => doubts),
    },
    backends: plannedWithManaged(
      looked.flatMap(({ backends }) => backends),
      revealed,
    ),
    sources: looked.map(plannedSource),
    unknown: looked
      .filter(isUnknown)
      .map(({ pointer }) => doubt(pointer, "the backends of this source are not known")),
  };
}

interface Looked extends Seen {
  readonly backends: readonly PlannedBackend[];
  readonly skipped: Skipped;
  /** Why it was not asked. */
  readonly reason: PlanUnaskedReason | null;
}

const nothing: Looked = {
  ...{ problems: [], doubts: [], backends: [], reason: null },
  skipped: { count: 0, detail: "" },
};

const unaskedTexts = {
  "denied-by-policy": "its host's policy forbids it",
  "secret-not-on-node": "a secret that it needs is not on this node yet",
  "certificate-not-on-node": "a certificate that it needs is not on this node yet",
  "runs-a-command": "a plan runs no command",
  "makes-trust": "a plan makes no trust",
} as const satisfies Record<PlanUnaskedReason, string>;

function plannedSource(
  looked: Looked & { readonly pointer: string; readonly kind: string },
): PlanSource {
  const { pointer, kind, reason, problems, backends, skipped } = looked;
  const answered = problems.length > 0 ? "failed" : "answered";
  return {
    pointer,
    kind,
    state: reason === null ? answered : "not-asked",
    reason,
    backends: backends.length,
    skipped: skipped.count,
    firstSkipped: skipped.detail.slice(0, planTextCharsMax),
  };
}

function whyNotAsked(
  { definition, denied }: Pick<PlannedSources, "definition" | "denied">,
  source: Source,
  pointer: string,
): PlanUnaskedReason | undefined {
  const isBelow = (inner: string): boolean => inner === pointer || inner.startsWith(`${pointer}/`);
  if (denied.some((problem) => isBelow(problem.pointer))) return "denied-by-policy";
  const isMissing = secretFieldsOf(definition).some(
    (field) => isBelow(field.pointer) && isSecretReference(field.value),
  );
  if (isMissing) return "secret-not-on-node";
  const certificate = "tls" in source ? source.tls?.clientCertificate : undefined;
  if (certificate !== undefined && "certificate" in certificate) {
    return "certificate-not-on-node";
  }
  if (source.kind === "exec") return "runs-a-command";
  const writes = source.kind === "lxd" && (source.generateClientCerts || source.acceptServerCert);
  return writes ? "makes-trust" : undefined;
}

async function asked(
  { clock, lookup }: PlanSourcesDeps,
  { definition, withinMs, signal }: PlannedSources,
  { source, pointer }: { readonly source: Source; readonly pointer: string },
): Promise<Partial<Looked>> {
  const transport = definition.protocol === "udp" ? "udp" : "tcp";
  const leaveOutOwn = ownBackends(definition.bind, hostAddresses);
  const { fetch } = createSource({ clock, lookup, transport, leaveOutOwn }, source);
  const { timeoutMs } = sourceTerms(source);
  const boundsMs = [planSourceMsMax, withinMs, ...(timeoutMs === 0 ? [] : [timeoutMs])];
  const bounds = { timeoutMs: Math.max(1, Math.min(...boundsMs)), ended: signal };
  const fetched = await boundedFetch(clock, fetch, bounds);
  if (!fetched.ok) return { problems: [{ pointer, code: fetched.code, detail: fetched.detail }] };
  const places = writtenPlaces(source, pointer);
  const backends = fetched.backends.map((backend) => ({
    host: backend.host,
    port: backend.port,
    pointer: places.get(backend) ?? pointer,
  }));
  return { backends, skipped: fetched.skipped ?? nothing.skipped };
}

/** Where each backend stands that is written down. */
function writtenPlaces(source: Source, pointer: string): ReadonlyMap<Backend, string> {
  const written = source.kind === "static" ? source.backends : [];
  return new Map(written.map((backend, index) => [backend, `${pointer}/backends/${index}`]));
}
