import manifest from "./package.json" with { type: "json" };

/** What this agent calls itself. */
export const agentVersion: string = manifest.version;
