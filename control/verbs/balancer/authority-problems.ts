import type { Problem } from "#shared/base/problem.ts";
import { placesOf, valuesAt } from "#shared/definition/places.ts";
import type { Parts } from "#shared/validation/parts.ts";

import { authoritiesProblem } from "../../certificates/authorities-problem.ts";
import { certificateProblem } from "../../certificates/certificate-problem.ts";

/** Where a bundle of authorities is written as a text. */
const places = placesOf(
  "tls/clientAuth/authority/pem",
  "backendTls/rootCa/pem",
  "healthcheck/tls/rootCa/pem",
  "discovery/tls/rootCa/pem",
  "discovery/sources/*/tls/rootCa/pem",
);

/** The bundles of authorities that a definition brings along as texts and that cannot be read. */
export function authorityProblems(written: Parts["right"]): readonly Problem[] {
  return valuesAt(written, places).flatMap(({ value, pointer }) => {
    const detail = typeof value === "string" ? authoritiesProblem(value) : undefined;
    return detail === undefined ? [] : [certificateProblem(pointer, "invalid-pem", detail)];
  });
}
