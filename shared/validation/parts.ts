import { balancerSchema, type Balancer } from "../definition/balancer.ts";

/**
 * What is known about a definition whose sections may have problems: enough for the rules between
 * sections to say what they can.
 */
export interface Parts {
  /** Sections without a problem of their own. */
  readonly right: { readonly [Key in keyof Balancer]?: Balancer[Key] | undefined };
  /** Whether the section was written, right or wrong. */
  has(key: keyof Balancer): boolean;
  /** The kind that a section names, also when the rest of the section is wrong. */
  kindOf(key: "discovery" | "healthcheck"): string | undefined;
}

const partialSchema = balancerSchema.partial();

/** Parts of a definition that is right as a whole. */
export function partsOf(balancer: Balancer): Parts {
  return { right: balancer, ...writtenIn({ ...balancer }) };
}

/** Parts of a definition in which the sections named by `wrong` have problems. */
export function rightPartsOf(
  raw: Readonly<Record<string, unknown>>,
  wrong: ReadonlySet<string>,
): Parts {
  const rest = Object.entries(raw).filter(([key]) => !wrong.has(key));
  const parsed = partialSchema.safeParse(Object.fromEntries(rest));
  const right = parsed.success ? { ...parsed.data } : {};
  // A wrong section has its default now, and a rule must not take that for what was written.
  for (const key of wrong) Reflect.deleteProperty(right, key);
  return { right, ...writtenIn(raw) };
}

function writtenIn(raw: Readonly<Record<string, unknown>>): Omit<Parts, "right"> {
  return {
    has: (key) => raw[key] !== undefined,
    kindOf: (key) => textOf(raw[key], "kind"),
  };
}

function textOf(section: unknown, key: string): string | undefined {
  if (typeof section !== "object" || section === null) return undefined;
  const value: unknown = Reflect.get(section, key);
  return typeof value === "string" ? value : undefined;
}
