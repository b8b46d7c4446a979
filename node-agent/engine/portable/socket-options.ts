import { keepAliveMs, relayBufferBytes } from "#shared/base/limits.ts";

/**
 * Options of every socket, on both sides. Node ends a socket whose peer has ended unless
 * `allowHalfOpen` is set; small writes are not delayed; a vanished peer is noticed by keep-alive.
 */
export const socketOptions = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: keepAliveMs,
  highWaterMark: relayBufferBytes,
} as const;
