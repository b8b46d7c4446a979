/** Everybody who could take part, in the order in which they are measured and shown. */
export const contenderNames = [
  "native",
  "portable",
  "haproxy",
  "haproxy-newer",
  "nginx",
  "envoy",
  "gobetween",
  "limit",
] as const;
