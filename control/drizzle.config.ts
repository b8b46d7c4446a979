import { defineConfig } from "drizzle-kit";

/** For `npx drizzle-kit generate --config control/drizzle.config.ts`: tables to a migration. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./control/storage/tables/*.ts",
  out: "./control/storage/migrations",
});
