import { z } from "zod";

import { backendName } from "#shared/definition/backend-name.ts";
import { managedBackendSchema, type ManagedBackend } from "#shared/definition/managed-backend.ts";

import { answerNotesShape, type WriteNotes } from "./balancer-answer.ts";

/** A managed backend as the API shows it. */
export type BackendAnswer = ManagedBackend & {
  readonly backend: string;
  /** The revision that last changed the balancer. */
  readonly revision: number;
} & Omit<WriteNotes, "plan">;

const { plan: _, ...notesShape } = answerNotesShape;

export const backendAnswerSchema = managedBackendSchema
  .extend({
    backend: z.string().meta({ description: "What it is called: host:port" }),
    revision: z.int().meta({ description: "The revision that last changed the balancer" }),
    ...notesShape,
  })
  .meta({ id: "BackendAnswer", description: "A backend that is managed beside the sources" });

export const backendRemovedSchema = z
  .object({ backend: z.string(), revision: z.int(), ...notesShape })
  .meta({ id: "BackendRemoved" });

export function backendAnswer(
  backend: ManagedBackend,
  revision: number,
  notes: Omit<WriteNotes, "plan"> = {},
): BackendAnswer {
  return { backend: backendName(backend.host, backend.port), revision, ...backend, ...notes };
}
