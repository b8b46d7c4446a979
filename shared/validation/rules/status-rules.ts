import type { Problem } from "../../base/problem.ts";
import type { Parts } from "../parts.ts";

/** A range of statuses has a status in it. */
export function statusRules({ right: { healthcheck } }: Parts): readonly Problem[] {
  if (healthcheck?.kind !== "http") return [];
  return healthcheck.expectedStatuses.flatMap((text, index): readonly Problem[] => {
    const [from = "", to = from] = text.split("-");
    if (Number(from) <= Number(to)) return [];
    const detail = `is empty: write ${to}-${from}`;
    return [{ pointer: `/healthcheck/expectedStatuses/${index}`, code: "out-of-range", detail }];
  });
}
