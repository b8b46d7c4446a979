import { sql, type SQL } from "drizzle-orm";

/** A `text[]` parameter: drizzle would spread a list into single values. */
export function textArray(values: readonly string[]): SQL {
  return sql`ARRAY[${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )}]::text[]`;
}
