import type { Problem } from "../../base/problem.ts";
import { badAuthorities } from "../../definition/authority-bundle.ts";
import { mapPlaces, placesOf } from "../../definition/map-place.ts";
import type { ProblemCode } from "../../definition/problem-code.ts";
import type { Parts } from "../parts.ts";

/** Where a bundle of authorities is written as a text. */
const places = placesOf(
  "tls/clientAuth/authority/pem",
  "backendTls/rootCa/pem",
  "healthcheck/tls/rootCa/pem",
  "discovery/tls/rootCa/pem",
  "discovery/sources/*/tls/rootCa/pem",
);

/** A bundle of authorities that is written as a text can be read. Of a file only its node knows. */
export function authorityRules({ right }: Parts): readonly Problem[] {
  const problems: Problem[] = [];
  mapPlaces(right, places, (value, pointer) => {
    const detail = typeof value === "string" ? badAuthorities(value) : undefined;
    if (detail !== undefined) problems.push({ pointer, code, detail });
    return value;
  });
  return problems;
}

const code: ProblemCode = "invalid-pem";
