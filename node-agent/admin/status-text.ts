import type { Version } from "#shared/snapshot/version.ts";

import type { AgentStatus, BackendView, BalancerView, SourceView } from "./status.ts";

/** The status for a terminal. */
export function statusText(status: AgentStatus): string {
  const { agent, node, link, snapshot } = status;
  const lines = [
    `phase          ${status.phase}`,
    `node           ${node.id} in ${node.group}`,
    `control plane  ${node.control} (${link.stage})`,
    `snapshot       ${versionText(snapshot.version)}${snapshot.durable ? "" : " (not on disk)"}`,
    ...(snapshot.reverted === null ? [] : [`given up       ${versionText(snapshot.reverted)}`]),
    `agent          ${agent.version}, ${agent.driver} engine, process ${agent.pid}`,
    `workers        ${workersText(status)}`,
    ...status.balancers.flatMap(balancerLines),
  ];
  return `${lines.map(plain).join("\n")}\n`;
}

export function versionText(version: Version | null): string {
  if (version === null) return "none";
  return `revision ${version.rev} (epoch ${version.epoch}, ${version.root.slice(0, 12)})`;
}

/** How many workers there are; those that are lost with the reason. */
export function workersText({ workers: { wanted, present, lastLoss } }: AgentStatus): string {
  const why = present < wanted && lastLoss !== null ? ` (${lastLoss})` : "";
  return `${present} of ${wanted}${why}`;
}

function balancerLines(balancer: BalancerView): readonly string[] {
  const { id, name, bind, state, problems, activeConnections, backends, sources } = balancer;
  const allProblems = [...problems, ...balancer.certificates.problems];
  return [
    "",
    `${name} (${id}) ${state}, ${activeConnections} open, on ${bind.join(", ")}`,
    ...allProblems.map(({ code, pointer, detail }) => `  ${code} at ${pointer}: ${detail}`),
    ...sources.filter(({ state }) => state !== "fresh").map(sourceLine),
    ...backends.map((one) => `  ${one.name} ${backendText(one)}`),
  ];
}

/** How a backend is, in a few words. */
export function backendText({ live, state, activeConnections }: BackendView): string {
  const managed = state === "enabled" ? "" : ` (${state})`;
  return `${live ? "up" : "down"}${managed}, ${activeConnections} open`;
}

function sourceLine({ pointer, kind, state, lastFailure, rememberedMs }: SourceView): string {
  const why = lastFailure === null ? "" : `, ${lastFailure.code}: ${lastFailure.detail}`;
  const since =
    rememberedMs === null ? "" : `, remembered of ${new Date(rememberedMs).toISOString()}`;
  return `  ${kind} discovery at ${pointer} is ${state}${since}${why}`;
}

/** Names come from outside; a terminal must not take them for commands. */
function plain(line: string): string {
  return line.replaceAll(/\p{Cc}/gu, "?");
}
