import type { Problem } from "../../base/problem.ts";
import type { Parts } from "../parts.ts";

/** A check never ends with less: what is lower comes before the answer (RFC 9110, section 15.2). */
const finalStatusMin = 200;

/** A range of statuses has one in it that an answer can end with. */
export function statusRules({ right: { healthcheck } }: Parts): readonly Problem[] {
  if (healthcheck?.kind !== "http") return [];
  return healthcheck.expectedStatuses.flatMap((text, index): readonly Problem[] => {
    const detail = whyEmpty(text);
    if (detail === undefined) return [];
    return [{ pointer: `/healthcheck/expectedStatuses/${index}`, code: "out-of-range", detail }];
  });
}

function whyEmpty(text: string): string | undefined {
  const [from = "", to = from] = text.split("-");
  if (Number(from) > Number(to)) return `is empty: write ${to}-${from}`;
  if (Number(to) >= finalStatusMin) return undefined;
  return `is never the status of an answer: those begin at ${finalStatusMin}`;
}
