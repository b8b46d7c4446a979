import { startControl, type ControlOptions, type ControlProcess } from "./control-process.ts";
import { testDatabase, type TestDatabase } from "./postgres.ts";
import type { Cleanup } from "./processes.ts";

export interface ControlOnDatabase {
  readonly control: ControlProcess;
  readonly database: TestDatabase;
}

/** A control plane on a database of its own. */
export async function controlOnDatabase(
  cleanup: Cleanup,
  options: ControlOptions = {},
): Promise<ControlOnDatabase> {
  const database = await testDatabase();
  cleanup(() => database.stop());
  const control = await startControl(cleanup, { ...options, databaseUrl: database.url });
  return { control, database };
}
