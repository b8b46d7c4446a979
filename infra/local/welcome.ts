/** What was started, and where. */
export interface Started {
  readonly controlUrl: string;
  readonly dataFolder: string;
  readonly tenant: string;
  readonly key: string;
  readonly node: string;
  readonly demo: StartedDemo | undefined;
}

export interface StartedDemo {
  readonly balancer: string;
  readonly address: string;
  readonly backends: readonly string[];
}

/** What a person reads once everything runs. */
export function welcomeText(started: Started): string {
  return [
    "",
    "Midstream runs:",
    ...placesOf(started).map(([name, where]) => `  ${name.padEnd(15)}${where}`),
    "",
    "Try:",
    ...triesOf(started).map((command) => `  ${command}`),
    "",
    `Ctrl-C ends everything; what is kept lies in ${started.dataFolder}.`,
  ].join("\n");
}

function placesOf(started: Started): readonly (readonly [string, string])[] {
  const { demo } = started;
  return [
    ["control plane", `${started.controlUrl} (API docs: ${started.controlUrl}/docs)`],
    ["Postgres", "embedded, started by the control plane"],
    ["node", `${started.node}, an agent in a process of its own`],
    ...(demo === undefined ? [] : demoPlaces(demo)),
    ["tenant", started.tenant],
    ["demo key", `${started.key} (kept in demo.json)`],
    ["logs", `${started.dataFolder}/logs`],
  ];
}

function demoPlaces(demo: StartedDemo): readonly (readonly [string, string])[] {
  return [
    ["demo backends", demo.backends.join(" and ")],
    ["balancer demo", `http://${demo.address}, roundrobin over both`],
  ];
}

function triesOf(started: Started): readonly string[] {
  const authorized = `curl -H 'Authorization: Bearer ${started.key}'`;
  if (started.demo === undefined) {
    return [
      `${authorized} ${started.controlUrl}/v1/nodes`,
      `${authorized} ${started.controlUrl}/v1/balancers`,
      `curl ${started.controlUrl}/readyz`,
    ];
  }
  return [
    `curl http://${started.demo.address}/`,
    `${authorized} ${started.controlUrl}/v1/balancers/${started.demo.balancer}/stats`,
    `${authorized} ${started.controlUrl}/v1/metrics`,
  ];
}
