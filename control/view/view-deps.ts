import type { Clock } from "#shared/base/clock.ts";

import type { Database } from "../storage/database.ts";

/** What a read model needs. */
export interface ViewDeps {
  readonly database: Database;
  readonly clock: Clock;
}
