import type { Backend } from "#shared/definition/backend.ts";

/** What a source named once. */
export interface NamedAnswer {
  readonly backends: readonly Backend[];
  /** When, in milliseconds since 1970. */
  readonly saidMs: number;
}
