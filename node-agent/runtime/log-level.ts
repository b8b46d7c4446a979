export const logLevels = ["debug", "info", "warn", "error", "fatal"] as const;

/** What is logged: this, and everything graver. */
export type LogLevel = (typeof logLevels)[number];
