import { hostSchema, portSchema } from "../fields.ts";
import { refuse } from "../reading.ts";
import { section } from "../section.ts";

/** Where a check goes instead of to the backend itself. */
export const checkTargetSchema = section({
  host: hostSchema.optional().meta({ description: "The backend's own host unless given" }),
  port: portSchema.optional().meta({ description: "The backend's own port unless given" }),
})
  .superRefine(({ host, port }, check) => {
    if (host === undefined && port === undefined) {
      refuse(check, { code: "required", detail: "give a host, a port, or both", path: [] });
    }
  })
  .meta({ id: "CheckTarget", description: "Where a check goes instead of to the backend itself" });
