import type { EventDraft } from "../control-link/event-sender.ts";
import type { DataPlaneEvent } from "../flow/data-plane-event.ts";

/** What the control plane hears of an event of the data plane; undefined when it is for the log only. */
export function nodeEventOf(event: DataPlaneEvent): EventDraft | undefined {
  return ofBackends(event) ?? ofDiscovery(event) ?? ofCertificates(event) ?? ofListening(event);
}

function ofBackends(event: DataPlaneEvent): EventDraft | undefined {
  if (event.kind === "backend.up" || event.kind === "backend.down") {
    const { kind, balancer, backend, detail } = event;
    return { kind, balancer, backend, detail };
  }
  if (event.kind === "ejection.started") {
    const detail = `${event.failures} dials in a row failed: left out for ${event.forMs} ms`;
    return { kind: event.kind, balancer: event.balancer, backend: event.backend, detail };
  }
  if (event.kind === "ejection.ended") {
    return { kind: event.kind, balancer: event.balancer, backend: event.backend, detail: "" };
  }
  if (event.kind === "panic.started" || event.kind === "panic.ended") {
    const detail = `${event.healthy} of ${event.backends} backends are healthy`;
    return { kind: event.kind, balancer: event.balancer, backend: null, detail };
  }
  return undefined;
}

function ofDiscovery(event: DataPlaneEvent): EventDraft | undefined {
  if (event.kind === "discovery.failed") return ofSource(event, `${event.code}: ${event.detail}`);
  if (event.kind === "discovery.recovered") return ofSource(event, `${event.backends} backends`);
  if (event.kind === "discovery.skipped") {
    return ofSource(event, `${event.count} skipped: ${event.detail}`);
  }
  if (event.kind === "backend.skipped") {
    const { balancer, backend } = event;
    return { kind: "discovery.skipped", balancer, backend, detail: `sni: ${event.detail}` };
  }
  return undefined;
}

function ofCertificates(event: DataPlaneEvent): EventDraft | undefined {
  if (event.kind === "certificates.failed") {
    return { kind: event.kind, balancer: event.balancer, backend: null, detail: event.detail };
  }
  if (event.kind === "certificates.recovered") {
    return { kind: event.kind, balancer: event.balancer, backend: null, detail: "" };
  }
  if (event.kind === "certificates.expiring") {
    const detail = `${event.pointer} ${event.detail}`;
    return { kind: event.kind, balancer: event.balancer, backend: null, detail };
  }
  return undefined;
}

/** What keeps everything from being listened on has no balancer. */
function ofListening(event: DataPlaneEvent): EventDraft | undefined {
  const everywhere = { balancer: null, backend: null };
  if (event.kind === "serving.halted") {
    return { kind: "bind.failed", ...everywhere, detail: `no worker is left: ${event.detail}` };
  }
  if (event.kind === "serving.resumed") {
    return { kind: "bind.recovered", ...everywhere, detail: "a worker is there again" };
  }
  if (event.kind === "listener.lost") {
    const detail = `${event.code}: ${event.detail}`;
    return { kind: "bind.failed", balancer: event.balancer, backend: null, detail };
  }
  if (event.kind === "listener.recovered") {
    const detail = "all workers listen again";
    return { kind: "bind.recovered", balancer: event.balancer, backend: null, detail };
  }
  return undefined;
}

type SourceTold = Extract<DataPlaneEvent, { readonly sourceKind: string }>;

/** The pointer stands first: it tells the sources of a balancer apart. */
function ofSource({ kind, balancer, source, sourceKind }: SourceTold, detail: string): EventDraft {
  return { kind, balancer, backend: null, detail: `${source} (${sourceKind}) ${detail}` };
}
