import { AccessLog } from "../../node-agent/runtime/access-log.ts";

/** An access log of which only the reasons are kept. */
export function reasonLog(): {
  readonly accessLog: AccessLog;
  readonly reasons: readonly string[];
} {
  const reasons: string[] = [];
  const accessLog = new AccessLog({
    write: (text) => {
      for (const line of text.trimEnd().split("\n")) {
        const { reason } = JSON.parse(line) as { readonly reason: string };
        reasons.push(reason);
      }
      return true;
    },
  });
  return { accessLog, reasons };
}
