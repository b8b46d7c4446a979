import { balancersPerGroupMax } from "../base/limits.ts";
import type { Problem } from "../base/problem.ts";
import type { Balancer } from "../definition/balancer.ts";
import { parseBind } from "../definition/bind.ts";
import { clashes, type SpokenBind } from "./bind-clash.ts";

/** A balancer of a group, as far as the rules look at it. */
export interface GroupMember {
  readonly id: string;
  readonly definition: GroupFields;
}

type GroupFields = Pick<Balancer, "name" | "bind" | "protocol" | "tls">;

/**
 * Rules across the balancers that the same nodes run. The last one is the one being written: the
 * problems are its own, and their pointers point into it.
 */
export function checkGroup(balancers: readonly GroupMember[]): readonly Problem[] {
  const last = balancers.at(-1);
  if (last === undefined) return [];
  const others = balancers.slice(0, -1);
  return [
    ...tooMany(balancers.length),
    ...bindClashes(last.definition, others),
    ...hostClashes(last.definition, others),
  ];
}

function tooMany(count: number): readonly Problem[] {
  if (count <= balancersPerGroupMax) return [];
  const detail = `a group has at most ${balancersPerGroupMax} balancers`;
  return [{ pointer: "/group", code: "out-of-range", detail }];
}

/** No two balancers of a node can listen in one place. */
function bindClashes(last: GroupFields, others: readonly GroupMember[]): readonly Problem[] {
  const taken = others.flatMap(({ definition }) =>
    spokenBinds(definition).map((spoken) => ({ spoken, owner: definition.name })),
  );
  return spokenBinds(last).flatMap((own, index) => {
    const holder = taken.find(({ spoken }) => clashes(own, spoken));
    if (holder === undefined) return [];
    const detail = `the balancer ${holder.owner} of this group listens there: ${holder.spoken.text}`;
    return [{ pointer: `/bind/${index}`, code: "conflict", detail }];
  });
}

function spokenBinds(definition: GroupFields): readonly (SpokenBind & { readonly text: string })[] {
  const { protocol } = definition;
  return definition.bind.map((text) => ({ text, protocol, bind: parseBind(text) }));
}

/** A challenge for a host name must find one answer, and one certificate be renewed. */
function hostClashes(last: GroupFields, others: readonly GroupMember[]): readonly Problem[] {
  const owners = new Map(
    others.flatMap(({ definition }) =>
      acmeHosts(definition).map(({ host }) => [host, definition.name] as const),
    ),
  );
  return acmeHosts(last).flatMap(({ host, pointer }) => {
    const owner = owners.get(host);
    if (owner === undefined) return [];
    const detail = `the balancer ${owner} of this group obtains the certificate for ${host}`;
    return [{ pointer, code: "conflict", detail }];
  });
}

function acmeHosts(
  definition: GroupFields,
): readonly { readonly host: string; readonly pointer: string }[] {
  return (definition.tls?.certificates ?? []).flatMap((certificate, index) =>
    "acme" in certificate
      ? certificate.acme.hosts.map((host, at) => ({
          host: host.toLowerCase(),
          pointer: `/tls/certificates/${index}/acme/hosts/${at}`,
        }))
      : [],
  );
}
