/**
 * Fills in the defaults that depend on another field, before the schema fills in the rest.
 *
 * UDP: there is no handshake that a ping could try, so nothing is checked unless asked for; and the
 * `udp` section is there, with its own defaults.
 */
export function withDependentDefaults(
  raw: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (raw["protocol"] !== "udp") return raw;
  return { healthcheck: { kind: "none" }, udp: {}, ...raw };
}
