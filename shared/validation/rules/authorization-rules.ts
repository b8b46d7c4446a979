import type { Problem } from "../../base/problem.ts";
import { sourcesOf, type Source } from "../../definition/discovery/discovery.ts";
import type { Parts } from "../parts.ts";

/** A request has one Authorization header: a source names it once. */
export function authorizationRules({ right: { discovery } }: Parts): readonly Problem[] {
  if (discovery === undefined) return [];
  return sourcesOf(discovery).flatMap(({ source, pointer }) =>
    placesIn(source)
      .slice(1)
      .map((place) => ({ pointer: `${pointer}/${place}`, code: "conflict", detail: oneOnly })),
  );
}

const oneOnly =
  "one Authorization is sent: give one of auth, bearerToken and a header of that name";

/** Where a source says what Authorization it sends. */
function placesIn(source: Source): readonly string[] {
  if (source.kind !== "json" && source.kind !== "plaintext") return [];
  const { auth, bearerToken, headers = [] } = source;
  return [
    ...(auth === undefined ? [] : ["auth"]),
    ...(bearerToken === undefined ? [] : ["bearerToken"]),
    ...headers.flatMap(({ name }, index) =>
      name.toLowerCase() === "authorization" ? [`headers/${index}/name`] : [],
    ),
  ];
}
