import { portsPerBalancerMax } from "../../base/limits.ts";
import type { Problem } from "../../base/problem.ts";
import { parseBind, portsOf } from "../../definition/bind.ts";
import { clashes } from "../bind-clash.ts";
import type { Parts } from "../parts.ts";

/** A balancer's own binds do not clash, and are not too many ports together. */
export function bindRules({ right }: Parts): readonly Problem[] {
  const { bind: texts, protocol = "tcp" } = right;
  if (texts === undefined) return [];
  const binds = texts.map((text) => ({ bind: parseBind(text), protocol }));
  const clashing = binds.flatMap((one, index): readonly Problem[] => {
    const earlier = binds.slice(0, index).findIndex((other) => clashes(one, other));
    if (earlier === -1) return [];
    const detail = `takes the same address as /bind/${earlier} (${texts[earlier]})`;
    return [{ pointer: `/bind/${index}`, code: "conflict", detail }];
  });
  const ports = binds.reduce((sum, { bind }) => sum + portsOf(bind), 0);
  return ports <= portsPerBalancerMax ? clashing : [...clashing, tooManyPorts(ports)];
}

function tooManyPorts(ports: number): Problem {
  const detail = `takes ${ports} ports; a balancer has at most ${portsPerBalancerMax}`;
  return { pointer: "/bind", code: "out-of-range", detail };
}
