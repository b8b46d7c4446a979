import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { balancerSchema } from "#shared/definition/balancer.ts";
import { checkWritten } from "#shared/validation/check-written.ts";

import { checkPolicy } from "../../node-agent/apply/policy.ts";
import { repository } from "../support/processes.ts";

interface Example {
  /** File and line. */
  readonly place: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What an example has to be accepted as; undefined for one of an unknown kind. */
type Kind = "balancer" | "policy" | "output";

const policyFields = new Set(["bind", "exec", "sockets", "files", "folders"]);
/** Of answers and log lines, which nobody writes. */
const outputs: readonly string[] = ["status", "event", "apiKey", "fingerprint"];

const examples = ["README.md", ...globSync("docs/**/*.md", { cwd: repository })]
  .toSorted()
  .flatMap(examplesIn);

test("there are examples, and each is known for what it is", () => {
  expect(examples.length).toBeGreaterThan(15);
  expect(examples.filter(({ value }) => kindOf(value) === undefined)).toEqual([]);
});

test.for(examplesOf("balancer"))("a balancer of $place is accepted", ({ value }) => {
  const checked = checkWritten(wholeOf(value));
  expect(checked.ok ? [] : checked.problems).toEqual([]);
});

test.for(examplesOf("balancer"))(
  "a balancer of $place agrees on h2 only where a backend is said to speak it",
  ({ value }) => {
    const checked = checkWritten(wholeOf(value));
    const { tls, backendTls, discovery } = balancerSchema.parse(checked.ok ? checked.value : {});
    const backends = discovery.kind === "static" ? discovery.backends : [];
    const spoken = [backendTls, ...backends].flatMap((one) => one?.alpn ?? []);
    expect(tls?.alpn?.includes("h2") === true && !spoken.includes("h2")).toBe(false);
  },
);

test.for(examplesOf("policy"))("a policy of $place is accepted", ({ value }) => {
  const checked = checkPolicy(value);
  expect(checked.ok ? [] : checked.problems).toEqual([]);
});

function examplesOf(kind: Kind): readonly Example[] {
  return examples.filter(({ value }) => kindOf(value) === kind);
}

function examplesIn(file: string): readonly Example[] {
  const text = readFileSync(join(repository, file), "utf8");
  return Array.from(text.matchAll(/^```jsonc?\n(.*?)^```$/gms), ({ index, 1: block = "" }) => {
    const line = text.slice(0, index).split("\n").length + 1;
    const whole = block.startsWith('"') ? `{${block}}` : block;
    return { place: `${file}:${line}`, value: JSON.parse(whole) };
  });
}

function kindOf(value: Example["value"]): Kind | undefined {
  const keys = Object.keys(value);
  if (keys.some((key) => outputs.includes(key))) return "output";
  const isPolicy = !keys.includes("name") && keys.every((key) => policyFields.has(key));
  if (isPolicy) return "policy";
  return keys.every((key) => key === "backends" || key in balancerSchema.shape)
    ? "balancer"
    : undefined;
}

/** A section, or a list of backends, in a balancer that needs no more. */
function wholeOf({ backends, ...sections }: Example["value"]): unknown {
  const least = { name: "example", bind: ["192.0.2.1:80"] };
  const listed = { kind: "static", backends: backends ?? [] };
  return {
    ...least,
    discovery: listed,
    ...(backends === undefined ? {} : { sni: {} }),
    ...sections,
  };
}
