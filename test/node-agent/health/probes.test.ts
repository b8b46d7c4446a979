import { formatDuration } from "#shared/base/duration.ts";

import { pingProbe } from "../../../node-agent/health/ping.ts";
import { probeContract, type ProbeDeps } from "../../contracts/health/probe-contract.ts";
import { silent } from "../../support/fake-backend.ts";
import { testProbe, type CheckInput } from "../../support/test-probes.ts";

function checkOf(check: CheckInput): (deps: ProbeDeps) => ReturnType<typeof testProbe> {
  return ({ timeoutMs, ...deps }) =>
    testProbe({ ...check, timeout: formatDuration(timeoutMs) } as CheckInput, deps);
}

probeContract({ name: "ping", create: pingProbe, healthy: silent });

probeContract({
  name: "probe over TCP",
  create: checkOf({ kind: "probe", protocol: "tcp", send: "PING", recv: "PONG" }),
  healthy: (socket) => {
    socket.once("data", () => socket.end("PONG"));
  },
});

probeContract({
  name: "http",
  create: checkOf({ kind: "http" }),
  healthy: (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"));
  },
});
