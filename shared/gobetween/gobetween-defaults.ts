import { withMovedCredentials } from "./with-moved-credentials.ts";

/** What gobetween assumes where a configuration is silent, in a balancer's words. */
const assumed = {
  // An absent section means that backends always count as alive.
  healthcheck: { kind: "none" },
  // Removing a balancer closes its connections at once.
  drainTimeout: "0",
  limits: {
    maxConnections: 0,
    clientIdleTimeout: "0",
    backendIdleTimeout: "0",
    // The operating system's own limit.
    backendConnectionTimeout: "0",
    // Each direction is measured by itself.
    idleMode: "oneWay",
  },
} as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * A balancer's body with gobetween's defaults where it says nothing, for `checkBalancer`, which
 * would take the API's safer ones, and with what gobetween takes and the API refuses in the API's
 * words. What is not an object is left to that check.
 */
export function withGobetweenDefaults(written: unknown): unknown {
  if (!isFields(written)) return written;
  const { limits, healthcheck, discovery } = written;
  return {
    ...assumed,
    ...written,
    ...(isFields(healthcheck) ? { healthcheck: withCountsFrom1(healthcheck) } : {}),
    ...(discovery === undefined ? {} : { discovery: withMovedCredentials(discovery) }),
    limits: limits === undefined || isFields(limits) ? { ...assumed.limits, ...limits } : limits,
  };
}

/** In a row less than one result is one. */
function withCountsFrom1(healthcheck: Fields): Fields {
  const low = ["fails", "passes"].filter((key) => {
    const count = healthcheck[key];
    return typeof count === "number" && Number.isInteger(count) && count < 1;
  });
  return { ...healthcheck, ...Object.fromEntries(low.map((key) => [key, 1])) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
