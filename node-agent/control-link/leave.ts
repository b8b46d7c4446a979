import { z } from "zod";

import { agentAnswerBytesMax, leaveMsMax } from "#shared/base/limits.ts";
import { agentPaths, controlTimeHeader } from "#shared/wire/protocol.ts";

import { controlAddress } from "./control-url.ts";
import { controlTimeOf } from "./fetch-snapshot.ts";
import { httpCall, type HttpAnswer } from "./http-call.ts";
import type { NodeSigner } from "./node-signer.ts";

export interface LeaveDeps {
  /** Base URL of the control plane. */
  readonly control: string;
  readonly ca: string | undefined;
  readonly signer: NodeSigner;
  /** Not below that of the node's last link. */
  readonly generation: number;
}

export type Left =
  /** The control plane has retired the node, now or before. */
  | { readonly kind: "left" }
  /** `detail` is the control plane's own text. */
  | { readonly kind: "refused"; readonly status: number; readonly detail: string };

/**
 * Asks the control plane to retire this node. Asking again is fine.
 *
 * @throws Fault `control-link/unreachable`, `/timeout` and the like when there is no answer
 */
export async function leaveControl(deps: LeaveDeps): Promise<Left> {
  let answer = await asked(deps);
  const controlTimeMs = controlTimeOf(answer.headers[controlTimeHeader]);
  if (answer.status === 401 && controlTimeMs !== null) {
    deps.signer.correctTo(controlTimeMs);
    answer = await asked(deps);
  }
  if (answer.status === 204) return { kind: "left" };
  return { kind: "refused", status: answer.status, detail: detailOf(answer) };
}

function asked({ control, ca, signer, generation }: LeaveDeps): Promise<HttpAnswer> {
  const request = { method: "POST", path: agentPaths.leave } as const;
  return httpCall({
    method: request.method,
    url: controlAddress(control, request.path),
    headers: { authorization: signer.authorization(request, generation) },
    ca,
    timeoutMs: leaveMsMax,
    bytesMax: agentAnswerBytesMax,
  });
}

const problemSchema = z.object({ detail: z.string().optional(), title: z.string().optional() });

function detailOf({ body }: HttpAnswer): string {
  try {
    const { detail, title } = problemSchema.parse(JSON.parse(body));
    return detail ?? title ?? "";
  } catch {
    return "";
  }
}
