import type { Clock } from "#shared/base/clock.ts";

import type { Log } from "../log.ts";
import type { RateLimit } from "../rate-limiter.ts";
import type { VerbDeps } from "../verbs/actor.ts";
import type { ViewDeps } from "../view/view-deps.ts";
import type { Plans } from "./plans.ts";
import type { QuestionRoom } from "./question-room.ts";
import type { ServingWaits } from "./serving-waits.ts";

/** What the HTTP layer works with. */
export interface HttpDeps {
  readonly verbs: VerbDeps;
  readonly clock: Clock;
  readonly log: Log;
  readonly newRequestId: () => string;
  /** Peers, as CIDR, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly limits: HttpLimits;
  /** What has to hold before requests should come here, by name. */
  readonly readiness: () => Promise<Readonly<Record<string, boolean>>>;
}

/** Limits that tests turn down. */
export interface HttpLimits {
  readonly requestsInFlightMax: number;
  readonly answerMsMax: number;
  /** Of one API key. */
  readonly calls: RateLimit;
  /** Sign-ups and log-ins of one address. */
  readonly signIns: RateLimit;
  /** Calls of one address whose key is refused. */
  readonly refusals: RateLimit;
}

/** What routes of changes work with besides. */
export interface WriteDeps extends HttpDeps {
  readonly waits: ServingWaits;
  readonly plans: Plans;
  /** Where nodes are asked. */
  readonly room: QuestionRoom;
}

/** What read models need, of what there is. */
export function viewsOf({ verbs, clock }: Pick<HttpDeps, "verbs" | "clock">): ViewDeps {
  return { database: verbs.database, clock };
}
