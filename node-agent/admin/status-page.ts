import { backendText, versionText, workersText } from "./status-text.ts";
import type { AgentStatus, BalancerView } from "./status.ts";

/**
 * The status as one HTML page that loads nothing. Everything that is not written here is escaped:
 * names and reasons come from tenants and from other hosts.
 */
export function statusPage(status: AgentStatus): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width">
<title>Midstream agent: ${escaped(status.phase)}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
code { font-size: .95em; }
.bad { color: #c22; font-weight: 600; }
</style>
</head>
<body>
<h1>Midstream agent</h1>
${summary(status)}
<h2>Balancers</h2>
${status.balancers.length === 0 ? "<p>None.</p>" : balancerTable(status.balancers)}
<p><a href="/status.json">status.json</a> · <a href="/status.txt">status.txt</a> ·
<a href="/metrics">metrics</a> · <a href="/healthz">healthz</a> · <a href="/readyz">readyz</a></p>
</body>
</html>
`;
}

/** Text as it may stand in HTML, between tags and inside quoted attributes. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function summary(status: AgentStatus): string {
  const { phase, agent, node, link, snapshot } = status;
  const disk = snapshot.durable ? "" : " (not on disk)";
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["Phase", phase, phase !== "serving"],
    ["Node", `${node.id} in ${node.group}`, false],
    ["Control plane", `${node.control} (${link.stage})`, link.stage !== "open"],
    ["Snapshot", `${versionText(snapshot.version)}${disk}`, !snapshot.durable],
    ["Given up", versionText(snapshot.reverted), snapshot.reverted !== null],
    ["Workers", workersText(status), status.workers.present < status.workers.wanted],
    ["Agent", `${agent.version}, ${agent.driver} engine, process ${agent.pid}`, false],
  ];
  const lines = rows.map(
    ([name, text, bad]) =>
      `<tr><th>${name}</th><td${bad ? ' class="bad"' : ""}>${escaped(text)}</td></tr>`,
  );
  return `<table>\n${lines.join("\n")}\n</table>`;
}

function balancerTable(balancers: readonly BalancerView[]): string {
  const head = "<tr><th>Balancer</th><th>Listens on</th><th>State</th><th>Backends</th></tr>";
  return `<table>\n${head}\n${balancers.map(balancerRow).join("\n")}\n</table>`;
}

function balancerRow(balancer: BalancerView): string {
  const { id, name, bind, state, problems, activeConnections, backends, sources } = balancer;
  const why = [...problems, ...balancer.certificates.problems].map(
    ({ code, pointer, detail }) =>
      `<br><code>${escaped(code)}</code> ${escaped(pointer)} ${escaped(detail)}`,
  );
  const failing = sources.flatMap(({ pointer, kind, lastFailure, state }) =>
    state === "failing" && lastFailure !== null
      ? [`<br>${escaped(kind)} ${escaped(pointer)}: ${escaped(lastFailure.detail)}`]
      : [],
  );
  const lines = backends.map(
    (backend) =>
      `<span${backend.live ? "" : ' class="bad"'}>${escaped(backend.name)} ` +
      `${backendText(backend)}</span>`,
  );
  return [
    `<tr><td>${escaped(name)}<br><code>${escaped(id)}</code></td>`,
    `<td>${bind.map(escaped).join("<br>")}</td>`,
    `<td${state === "failing" ? ' class="bad"' : ""}>${state}${why.join("")}${failing.join("")}`,
    `<br>${activeConnections} open</td>`,
    `<td>${lines.join("<br>")}</td></tr>`,
  ].join("");
}
