import { z } from "zod";

import { Fault } from "../base/fault.ts";
import { accessRulesMax } from "../base/limits.ts";
import { readNetwork } from "./network.ts";
import { readableText, refused, understood, type Reading } from "./reading.ts";
import { section } from "./section.ts";

/** What is done with clients of a network. */
export interface AccessRule {
  readonly action: "allow" | "deny";
  /** Network in CIDR notation; a single address has its full prefix length. */
  readonly network: string;
}

const accessRuleSchema = readableText(readAccessRule, 128).meta({
  id: "AccessRule",
  description: "allow or deny, one blank, and an address or network",
  examples: ["allow 10.0.0.0/8", "deny 2001:db8::1"],
});

/** Who may connect, by address: the first rule that matches decides. */
export const accessSchema = section({
  // A list without rules shuts nobody out by accident.
  default: z.enum(["allow", "deny"]).default("allow").meta({
    description: "For clients that no rule matches",
  }),
  // Empty: the default decides for all.
  rules: z.array(accessRuleSchema).max(accessRulesMax).default([]),
}).meta({ id: "Access", description: "Who may connect: the first rule that matches decides" });

/**
 * What a checked rule says.
 *
 * @throws Fault `definition/not-a-rule` when the text was never checked
 */
export function parseAccessRule(text: string): AccessRule {
  const reading = readAccessRule(text);
  if (reading.ok) return reading.value;
  throw new Fault({
    code: "definition/not-a-rule",
    owner: "platform",
    message: "an access rule reached its use without having been checked",
  });
}

/** Understands `deny 10.0.0.0/8`, or says what is wrong. */
export function readAccessRule(text: string): Reading<AccessRule> {
  const [action, target, ...rest] = text.split(" ");
  if (action !== "allow" && action !== "deny") {
    return refused("invalid-line", 'starts with neither "allow" nor "deny"');
  }
  if (target === undefined || target === "" || rest.length > 0) {
    return refused("invalid-line", "needs one blank, then one address or network");
  }
  const network = readNetwork(target);
  return network === undefined
    ? refused("invalid-line", `"${target}" is neither an address nor a network`)
    : understood({ action, network });
}
