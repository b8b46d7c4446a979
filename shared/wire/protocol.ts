/** The protocol versions this code speaks, best first. */
export const protocolVersions = [1] as const;

/** WebSocket sub-protocol (RFC 6455 section 1.9) of the node's link. */
export const linkSubprotocol = "midstream.v1";

/** What stands before all paths that agents call. */
export const agentPathPrefix = "/v1/agent/";

/** Paths that agents call on the control plane. */
export const agentPaths = {
  join: "/v1/agent/join",
  link: "/v1/agent/link",
  leave: "/v1/agent/leave",
  /** Followed by a root hash. */
  snapshots: "/v1/agent/snapshots/",
} as const;

/** Header of a 401 that tells the control plane's time, because the node's was too far off. */
export const controlTimeHeader = "midstream-time-ms";

/** Why a link was closed. 4xxx are ours, 1xxx are WebSocket's (RFC 6455 section 7.4). */
export const closeCodes = {
  goingAway: 1001,
  tooBigForCarrier: 1009,
  restart: 1012,
  tryLater: 1013,
  protocol: 4400,
  unauthorized: 4401,
  revoked: 4403,
  helloTimeout: 4408,
  replaced: 4409,
  tooBig: 4413,
  upgradeRequired: 4426,
  slowDown: 4429,
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];
