import { z } from "zod";

import { parseId, type IdPrefix } from "#shared/base/ids.ts";
import {
  cursorCharsMax,
  pageItemsDefault,
  pageItemsMax,
  nameCharsMax,
} from "#shared/base/limits.ts";
import { boundedText, refuse } from "#shared/definition/reading.ts";
import { section } from "#shared/definition/section.ts";

import type { ListEventsInput } from "../verbs/event/list.ts";
import type { PageRequest } from "../verbs/page.ts";

/** Query parameters that several calls share. An unknown one is refused: it may be a typing error. */

const pageShape = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(pageItemsMax)
    .default(pageItemsDefault)
    .meta({ description: "Items at most" }),
  cursor: z.string().min(1).max(cursorCharsMax).optional().meta({
    description: "`nextCursor` of the part before",
  }),
};

export const pageQuery = section(pageShape);

export const groupPageQuery = section({
  ...pageShape,
  group: boundedText(nameCharsMax).optional().meta({
    description: "Only those of the group with this name",
  }),
});

const dryRunShape = {
  dryRun: z.enum(["true", "false"]).default("false").meta({
    description: "Checks and answers as if, stores nothing",
  }),
};

export const eventPageQuery = section({
  ...pageShape,
  balancer: idQuery("bal", "Only those about this balancer, which may be gone already"),
  node: idQuery("nod", "Only those of this node"),
});

/** A query parameter that names something by its id. */
function idQuery<P extends IdPrefix>(prefix: P, description: string) {
  return z
    .string()
    .transform((text, check) => {
      const id = parseId(prefix, text);
      if (id !== undefined) return id;
      refuse(check, { code: "invalid-format", detail: `is an id that begins with ${prefix}_` });
      return z.NEVER;
    })
    .optional()
    .meta({ description });
}

export const dryRunQuery = section(dryRunShape);

/** Of changes that can take balancers away from a group. */
export const removingQuery = section({
  ...dryRunShape,
  confirm: z
    .enum(["shrink"])
    .optional()
    .meta({
      description:
        "`shrink`: it is meant that most of a group's balancers go. Without it that is 409 " +
        "`http/confirmation-required`",
    }),
});

/** How a change is to be made. */
export function writeMode({ dryRun, confirm }: z.output<typeof removingQuery>): {
  readonly dryRun: boolean;
  readonly confirmShrink: boolean;
} {
  return { dryRun: dryRun === "true", confirmShrink: confirm === "shrink" };
}

/** What a verb takes, without what was not given. */
export function pageRequest(query: z.output<typeof pageQuery>): PageRequest {
  const { limit, cursor } = query;
  return cursor === undefined ? { limit } : { limit, cursor };
}

/** The same for lists that can be of one group. */
export function groupPageRequest(
  query: z.output<typeof groupPageQuery>,
): PageRequest & { readonly group?: string } {
  const { group } = query;
  return group === undefined ? pageRequest(query) : { ...pageRequest(query), group };
}

/** The same for what nodes told. */
export function eventPageRequest(query: z.output<typeof eventPageQuery>): ListEventsInput {
  const { balancer, node } = query;
  return {
    ...pageRequest(query),
    ...(balancer === undefined ? {} : { balancer }),
    ...(node === undefined ? {} : { node }),
  };
}
