import { z } from "zod";

/**
 * Pointers of all places of a schema where `isWanted` says yes. Lists and records have no step of
 * their own, kinds of one section fall together, and merged sources with a single one.
 */
export function placesIn(
  schema: z.ZodType,
  isWanted: (schema: unknown) => boolean,
): readonly string[] {
  const places = new Set<string>();
  visit(schema, "");
  return [...places];

  function visit(part: unknown, pointer: string): void {
    if (isWanted(part)) places.add(pointer);
    else if (part instanceof z.ZodObject) {
      for (const [key, field] of Object.entries(part.shape)) visit(field, `${pointer}/${key}`);
    } else if (part instanceof z.ZodUnion) {
      for (const option of part.options) visit(option, pointer);
    } else if (part instanceof z.ZodArray) {
      visit(part.element, pointer.replace(/\/sources$/, ""));
    } else if (part instanceof z.ZodRecord) {
      visit(part.valueType, pointer);
    } else if (isWrapper(part)) {
      visit(part.unwrap(), pointer);
    }
  }
}

function isWrapper(
  part: unknown,
): part is z.ZodOptional | z.ZodNullable | z.ZodDefault | z.ZodPrefault {
  return (
    part instanceof z.ZodOptional ||
    part instanceof z.ZodNullable ||
    part instanceof z.ZodDefault ||
    part instanceof z.ZodPrefault
  );
}
