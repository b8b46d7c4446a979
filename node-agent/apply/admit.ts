import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { unsupportedBy } from "#shared/definition/capability.ts";
import { isSecretReference, secretFieldsOf } from "#shared/definition/secret.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { FlowProblem, VerifiedBalancer } from "./flows.ts";
import { deniedBy, type Policy } from "./policy.ts";

export interface AdmitTerms {
  readonly policy: Policy;
  /** What this agent can do. */
  readonly capabilities: ReadonlySet<string>;
}

/** The entries of a snapshot, sorted by whether this node may and can run them. */
export interface Admission {
  readonly admitted: readonly VerifiedBalancer[];
  /** Why the others may not run, by id. They keep their last good form. */
  readonly refused: ReadonlyMap<string, readonly FlowProblem[]>;
}

export type Admit = (
  entries: readonly SnapshotEntry[],
  secrets: ReadonlyMap<string, string>,
) => Admission;

/**
 * Looks at every entry on its own. The bodies are signed, but who signs may be wrong: they are
 * checked again, and the owner of this host has the last word. A body that was looked at for the
 * snapshot before is not looked at again.
 */
export function createAdmit(terms: AdmitTerms): Admit {
  let known: ReadonlyMap<string, Judged> = new Map();
  return (entries, secrets) => {
    const now = new Map<string, Judged>();
    const admitted: VerifiedBalancer[] = [];
    const refused = new Map<string, readonly FlowProblem[]>();
    for (const entry of entries) {
      const key = `${entry.kind} ${entry.hash}`;
      const judged = known.get(key) ?? judge(entry, terms);
      now.set(key, judged);
      const outcome = withSecrets(judged, secrets);
      const { id, hash } = entry;
      if (outcome.ok) admitted.push({ id, hash, definition: outcome.definition, secrets });
      else refused.set(id, outcome.problems);
    }
    known = now;
    return { admitted, refused };
  };
}

type Judged =
  | { readonly ok: true; readonly definition: Balancer }
  | { readonly ok: false; readonly problems: readonly FlowProblem[] };

function judge(entry: SnapshotEntry, terms: AdmitTerms): Judged {
  if (entry.kind !== "balancer") return { ok: false, problems: [unknownKind(entry.kind)] };
  const checked = checkBalancer(entry.body);
  if (!checked.ok) return { ok: false, problems: checked.problems.map(asFlowProblem) };
  const definition = checked.value;
  const problems = [
    ...unsupportedBy(definition, terms.capabilities).map(asFlowProblem),
    ...deniedBy(terms.policy, definition),
  ];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, definition };
}

function withSecrets(judged: Judged, secrets: ReadonlyMap<string, string>): Judged {
  if (!judged.ok) return judged;
  const problems = secretFieldsOf(judged.definition).flatMap(({ pointer, value }) => {
    if (!isSecretReference(value) || secrets.has(value.secret)) return [];
    const detail = `the secret ${value.secret} did not come sealed for this node`;
    return [{ pointer, code: "secret-unavailable", detail }];
  });
  return problems.length > 0 ? { ok: false, problems } : judged;
}

function unknownKind(kind: string): FlowProblem {
  const detail = `this agent does not know entries of the kind ${JSON.stringify(kind)}`;
  return { pointer: "", code: "unknown-kind", detail };
}

function asFlowProblem({ pointer, code, detail }: Problem): FlowProblem {
  return { pointer, code, detail };
}
