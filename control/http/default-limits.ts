import {
  answerMsMax,
  callsPerKeyBurstMax,
  callsPerKeyPerSecondMax,
  refusalsPerAddressBurstMax,
  refusalsPerAddressPerSecondMax,
  requestsInFlightMax,
  signInsPerAddressBurstMax,
  signInsPerAddressPerMinuteMax,
} from "#shared/base/limits.ts";

import type { HttpLimits } from "./http-deps.ts";

/** The limits of a control plane, as `limits.ts` has them. */
export const defaultHttpLimits: HttpLimits = {
  requestsInFlightMax,
  answerMsMax,
  calls: { name: "calls", burst: callsPerKeyBurstMax, perSecond: callsPerKeyPerSecondMax },
  signIns: {
    name: "sign-ins",
    burst: signInsPerAddressBurstMax,
    perSecond: signInsPerAddressPerMinuteMax / 60,
  },
  refusals: {
    name: "refusals",
    burst: refusalsPerAddressBurstMax,
    perSecond: refusalsPerAddressPerSecondMax,
  },
};
