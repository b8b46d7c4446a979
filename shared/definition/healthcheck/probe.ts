import { z } from "zod";

import { probeBytesMax, textCharsMax } from "../../base/limits.ts";
import { readPattern } from "../pattern-field.ts";
import { readableText, refuse } from "../reading.ts";
import { section } from "../section.ts";
import { checkTlsSchema } from "./check-tls.ts";
import { checkingShape } from "./checking.ts";
import { readProbeBytes } from "./probe-bytes.ts";

const fields = section({
  kind: z.literal("probe"),
  protocol: z.enum(["tcp", "udp", "tls"]),
  send: readableText(readProbeBytes, textCharsMax).meta({
    description: "What is sent; escapes such as \\n and \\x00 stand for bytes",
    examples: ["PING\\r\\n"],
  }),
  recv: z.string().min(1).max(textCharsMax).meta({
    description:
      "startsWith: the bytes the answer begins with, with escapes; regexp: an RE2 pattern",
  }),
  // A fixed answer is the common case, and a pattern needs a length to read.
  strategy: z.enum(["startsWith", "regexp"]).default("startsWith"),
  // startsWith reads as many bytes as it expects.
  recvLen: z
    .int()
    .max(probeBytesMax)
    .overwrite((written) => Math.max(0, written))
    .default(0)
    .meta({ description: "regexp: bytes to read before matching; startsWith: not given, or 0" }),
  tls: checkTlsSchema.optional(),
  ...checkingShape,
});

type ProbeFields = z.output<typeof fields>;

/** Sends some bytes and looks at what comes back. */
export const probeCheckSchema = fields.superRefine(checkExpectation).meta({
  id: "ProbeCheck",
  description: "Sends some bytes and looks at what comes back",
});

export type ProbeCheck = z.output<typeof probeCheckSchema>;

/** What `recv` and `recvLen` mean depends on the strategy. */
function checkExpectation(probe: ProbeFields, check: z.RefinementCtx): void {
  const isPattern = probe.strategy === "regexp";
  const recv = isPattern ? readPattern(probe.recv) : readProbeBytes(probe.recv);
  if (!recv.ok) refuse(check, { ...recv, path: ["recv"] });
  if (isPattern !== probe.recvLen > 0) {
    const detail = isPattern
      ? "a regexp needs the number of bytes to read"
      : "startsWith reads as many bytes as it expects: leave recvLen out";
    refuse(check, { code: isPattern ? "required" : "conflict", detail, path: ["recvLen"] });
  }
  if (probe.tls !== undefined && probe.protocol !== "tls") {
    const detail = `means nothing to a probe over ${probe.protocol}`;
    refuse(check, { code: "conflict", detail, path: ["tls"] });
  }
}
