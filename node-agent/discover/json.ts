import type { LookupFunction } from "node:net";

import type { z } from "zod";

import { sourceAnswerBytesMax } from "#shared/base/limits.ts";
import type { jsonDiscoverySchema } from "#shared/definition/discovery/json.ts";
import { readJsonPath, valueAt, type JsonPath } from "#shared/definition/json-path.ts";

import { failedFetch, type DiscoverySource, type FailedFetch, type Fetched } from "./discovery.ts";
import { Gathering } from "./gathering.ts";
import { fetchPage } from "./http/http-page.ts";
import { wholeNumber, type FoundBackend } from "./read-backend.ts";

export type JsonDiscovery = z.output<typeof jsonDiscoverySchema>;

/** Backends from a JSON array over HTTP, each field where its pattern says. */
export function jsonSource(lookup: LookupFunction, discovery: JsonDiscovery): DiscoverySource {
  return {
    fetch: async (signal) => {
      const page = await fetchPage(discovery, { lookup, bytesMax: sourceAnswerBytesMax, signal });
      if (!page.ok) return page;
      const parsed = parsedJson(page.value);
      return parsed.ok ? backendsIn(parsed.value, discovery) : parsed;
    },
  };
}

/** An element without host or port fails everything: what is half understood is not used. */
function backendsIn(value: unknown, discovery: JsonDiscovery): Fetched {
  const items = valueAt(value, pathOf(discovery.itemsPattern ?? ""));
  if (!Array.isArray(items)) return failedFetch("bad-answer", "there is no JSON array");
  const paths = fieldPaths(discovery);
  const gathering = new Gathering();
  for (const [index, item] of items.entries()) {
    if (!gathering.hasRoom()) break;
    const found = foundIn(item, paths);
    if (found === undefined) {
      return failedFetch("bad-answer", `the element ${index} has no host, or no port`);
    }
    gathering.find(found, `the element ${index}`);
  }
  return gathering.list();
}

type FieldPaths = ReturnType<typeof fieldPaths>;

function fieldPaths(discovery: JsonDiscovery) {
  return {
    host: pathOf(discovery.hostPattern),
    port: pathOf(discovery.portPattern),
    weight: pathOf(discovery.weightPattern),
    priority: pathOf(discovery.priorityPattern),
    maxConnections: pathOf(discovery.maxConnectionsPattern),
    sni: pathOf(discovery.sniPattern),
  } as const;
}

function foundIn(item: unknown, paths: FieldPaths): FoundBackend | undefined {
  const host = valueAt(item, paths.host);
  const port = valueAt(item, paths.port);
  if (typeof host !== "string" || !(typeof port === "string" || typeof port === "number")) {
    return undefined;
  }
  return {
    host,
    port: typeof port === "number" ? port : (wholeNumber(port) ?? Number.NaN),
    weight: valueAt(item, paths.weight),
    priority: valueAt(item, paths.priority),
    maxConnections: valueAt(item, paths.maxConnections),
    sni: valueAt(item, paths.sni),
  };
}

/** A pattern was checked with its definition. */
function pathOf(pattern: string): JsonPath {
  const path = readJsonPath(pattern);
  return path.ok ? path.value : [];
}

function parsedJson(text: string): { readonly ok: true; readonly value: unknown } | FailedFetch {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The parser's message quotes the text.
    return failedFetch("bad-answer", "the answer is not JSON");
  }
}
