import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { unsupportedBy } from "#shared/definition/capability.ts";
import { certificateEntryKind } from "#shared/definition/certificate-body.ts";
import { certificateReferencesOf } from "#shared/definition/certificate-references.ts";
import { isSecretReference, secretFieldsOf } from "#shared/definition/secret.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { deniedBy } from "./denied-by.ts";
import type { FlowProblem, OpenCertificate, VerifiedBalancer } from "./flows.ts";
import { judgeCertificate } from "./judge-certificate.ts";
import type { Policy } from "./policy.ts";

export interface AdmitTerms {
  readonly policy: Policy;
  /** What this agent can do. */
  readonly capabilities: ReadonlySet<string>;
}

/** The entries of a snapshot, sorted by whether this node may and can run them. */
export interface Admission {
  readonly admitted: readonly VerifiedBalancer[];
  /** Certificates that can be used, by id. */
  readonly certificates: ReadonlyMap<string, OpenCertificate>;
  /** Why the others may not run, by id. They keep their last good form. */
  readonly refused: ReadonlyMap<string, readonly FlowProblem[]>;
}

/** What comes with the entries, and what there is already. */
export interface AdmitContext {
  readonly secrets: ReadonlyMap<string, string>;
  /** Whether there is a certificate from before: it serves where the new one is refused. */
  readonly hasCertificate: (id: string) => boolean;
}

export type Admit = (entries: readonly SnapshotEntry[], context: AdmitContext) => Admission;

/**
 * Looks at every entry on its own. The bodies are signed, but who signs may be wrong: they are
 * checked again, and the owner of this host has the last word. A body that was looked at for the
 * snapshot before is not looked at again.
 */
export function createAdmit(terms: AdmitTerms): Admit {
  let known: ReadonlyMap<string, Judged> = new Map();
  return (entries, context) => {
    const now = new Map<string, Judged>();
    const looked = entries.map((entry) => {
      const key = `${entry.kind} ${entry.hash}`;
      const judged = known.get(key) ?? judge(entry, { terms, secrets: context.secrets });
      // A certificate's key may come later, under the same hash.
      if (judged.kind !== "refused" || entry.kind === "balancer") now.set(key, judged);
      return { entry, judged };
    });
    known = now;
    return sorted(looked, context);
  };
}

type Judged =
  | { readonly kind: "balancer"; readonly definition: Balancer }
  | { readonly kind: "certificate"; readonly certificate: OpenCertificate }
  | { readonly kind: "refused"; readonly problems: readonly FlowProblem[] };

interface Looked {
  readonly entry: SnapshotEntry;
  readonly judged: Judged;
}

function sorted(looked: readonly Looked[], { secrets, hasCertificate }: AdmitContext): Admission {
  const admitted: VerifiedBalancer[] = [];
  const certificates = new Map<string, OpenCertificate>();
  const refused = new Map<string, readonly FlowProblem[]>();
  for (const { entry, judged } of looked) {
    if (judged.kind === "refused") refused.set(entry.id, judged.problems);
    if (judged.kind === "certificate") certificates.set(entry.id, judged.certificate);
  }
  const isThere = (id: string): boolean => certificates.has(id) || hasCertificate(id);
  for (const { entry, judged } of looked) {
    if (judged.kind !== "balancer") continue;
    const { definition } = judged;
    const problems = [...lackingSecrets(definition, secrets), ...lacking(definition, isThere)];
    const { id, hash } = entry;
    if (problems.length > 0) refused.set(id, problems);
    else admitted.push({ id, hash, definition, secrets });
  }
  return { admitted, certificates, refused };
}

interface JudgeContext {
  readonly terms: AdmitTerms;
  readonly secrets: ReadonlyMap<string, string>;
}

function judge({ kind, body }: SnapshotEntry, { terms, secrets }: JudgeContext): Judged {
  switch (kind) {
    case "balancer":
      return judgeBalancer(body, terms);
    case certificateEntryKind: {
      const judged = judgeCertificate(body, secrets);
      if (!judged.ok) return { kind: "refused", problems: judged.problems };
      return { kind: "certificate", certificate: judged.certificate };
    }
    default:
      return { kind: "refused", problems: [unknownKind(kind)] };
  }
}

function judgeBalancer(body: unknown, terms: AdmitTerms): Judged {
  const checked = checkBalancer(body);
  if (!checked.ok) return { kind: "refused", problems: checked.problems.map(asFlowProblem) };
  const definition = checked.value;
  const problems = [
    ...unsupportedBy(definition, terms.capabilities).map(asFlowProblem),
    ...deniedBy(terms.policy, definition),
  ];
  return problems.length > 0 ? { kind: "refused", problems } : { kind: "balancer", definition };
}

function lackingSecrets(
  definition: Balancer,
  secrets: ReadonlyMap<string, string>,
): readonly FlowProblem[] {
  return secretFieldsOf(definition).flatMap(({ pointer, value }) => {
    if (!isSecretReference(value) || secrets.has(value.secret)) return [];
    const detail = `the secret ${value.secret} did not come sealed for this node`;
    return [{ pointer, code: "secret-unavailable", detail }];
  });
}

function lacking(
  definition: Balancer,
  isThere: (certificate: string) => boolean,
): readonly FlowProblem[] {
  return certificateReferencesOf(definition)
    .filter(({ id }) => !isThere(id))
    .map(({ pointer, id }) => {
      const detail = `the certificate ${id} is not on this node, or cannot be used`;
      return { pointer, code: "certificate-unavailable", detail };
    });
}

function unknownKind(kind: string): FlowProblem {
  const detail = `this agent does not know entries of the kind ${JSON.stringify(kind)}`;
  return { pointer: "", code: "unknown-kind", detail };
}

function asFlowProblem({ pointer, code, detail }: Problem): FlowProblem {
  return { pointer, code, detail };
}
