/**
 * Every limit of Midstream, once, with its reason. `docs/limits.md` explains them for operators.
 * Sizes are bytes, times milliseconds, unless the name says otherwise.
 */

// ---- definitions -------------------------------------------------------------------------------

/** A balancer's JSON body: 1,000 backends are 86 KB. */
export const balancerBodyBytesMax = 256 * 1024;
/** Backends that one balancer may list. */
export const backendsPerBalancerMax = 1_000;
/** Balancers in one group: bounds a snapshot. */
export const balancersPerGroupMax = 2_000;
/** A group's snapshot, all bodies together. */
export const snapshotBytesMax = 16 * 1024 * 1024;

// ---- the node's link ---------------------------------------------------------------------------

/** A frame in either direction: an API Gateway frame holds 32 KB. */
export const frameBytesMax = 28 * 1024;
/** ws `maxPayload`: a peer that ignores the frame limit is cut here without being parsed. */
export const linkPayloadBytesMax = 64 * 1024;
/** Parts that one numbered message may have. */
export const framePartsMax = 64;
/** How long an incomplete set of parts is kept. */
export const framePartsMsMax = 30_000;
/** First frame after the link opened. */
export const helloMsMax = 5_000;
/** A node sends a heartbeat this often, ± 20 %. */
export const heartbeatMs = 20_000;
/** A link without a frame for this long is dead, on either side. */
export const linkSilenceMsMax = 50_000;
/** A configuration message without an answer is asked after, then sent again, then given up. */
export const configAnswerMsMax = 15_000;
/** Frames a node may send at once, and per second on average. */
export const nodeFrameBurstMax = 60;
export const nodeFramesPerSecondMax = 20;
/** Unsent bytes on a node's socket: above the first, sending pauses; above the second, it closes. */
export const linkUnsentBytesPause = 256 * 1024;
export const linkUnsentBytesMax = 1024 * 1024;
/** A node that drains nothing for this long is closed. */
export const linkStuckMsMax = 30_000;
/** Node clocks may be wrong by this much in a signed header. */
export const clockSkewMsMax = 120_000;
/** Reconnecting: ceiling of the first wait and of all later ones. */
export const reconnectFirstMs = 500;
export const reconnectMsMax = 60_000;
/** The sweep that finds what no doorbell announced. */
export const sweepMs = 2_000;
/** Manifests kept per group, so that a node that was away gets a difference. */
export const manifestsPerGroupKept = 100;

// ---- statistics --------------------------------------------------------------------------------

/** A node reports its counters this often. */
export const statisticsMs = 2_000;
/** Reports a node keeps while the control plane is away; the oldest go first and are declared. */
export const reportsKeptMax = 300;
/** Rows in one report. */
export const reportRowsMax = 2_000;
