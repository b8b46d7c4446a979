/** What the agent's process ends with. */
export const exitCodes = {
  /** As asked: joined, helped, drained. */
  ended: 0,
  /** Not as asked: refused, cut short, broken. */
  failed: 1,
  /** What was asked makes no sense. */
  usage: 2,
} as const;
