import type { Problem } from "../../base/problem.ts";
import { whyMisread } from "../../definition/network.ts";
import type { Parts } from "../parts.ts";

/** Networks of clients mean what they seem to: otherwise more come in, or fewer, than was written. */
export function networkRules({
  right: { access, inboundProxyProtocol },
}: Parts): readonly Problem[] {
  const rules = (access?.rules ?? []).map((text) => text.slice(text.indexOf(" ") + 1));
  return [
    ...problemsIn(rules, { place: "/access/rules", code: "invalid-line" }),
    ...problemsIn(inboundProxyProtocol?.from ?? [], {
      place: "/inboundProxyProtocol/from",
      code: "invalid-address",
    }),
  ];
}

function problemsIn(
  networks: readonly string[],
  { place, code }: { readonly place: string; readonly code: string },
): readonly Problem[] {
  return networks.flatMap((network, index) => {
    const detail = whyMisread(network);
    return detail === undefined ? [] : [{ pointer: `${place}/${index}`, code, detail }];
  });
}
