/** The rows of the benchmark, in the order in which they are measured and shown. */
export const rowNames = [
  "keep-alive-64",
  "keep-alive-512",
  "new-connections",
  "bulk-up",
  "bulk-down",
  "latency",
  "idle-memory",
  "reload",
  "udp-hot",
  "udp-saturated",
  "udp-steady",
  "udp-bursts",
  "udp-new-sessions",
  "udp-idle-memory",
] as const;
