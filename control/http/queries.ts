import { z } from "zod";

import {
  cursorCharsMax,
  pageItemsDefault,
  pageItemsMax,
  nameCharsMax,
} from "#shared/base/limits.ts";
import { boundedText } from "#shared/definition/reading.ts";
import { section } from "#shared/definition/section.ts";

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
  cursor: boundedText(cursorCharsMax).optional().meta({
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
