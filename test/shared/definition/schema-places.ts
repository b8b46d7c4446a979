import { z } from "zod";

/** Kinds that hold no other schema. */
const leaves = [
  z.ZodString,
  z.ZodStringFormat,
  z.ZodNumber,
  z.ZodBoolean,
  z.ZodEnum,
  z.ZodLiteral,
  z.ZodTransform,
];

/**
 * Pointers of all places of a schema where `isWanted` says yes. Lists and records have no step of
 * their own, kinds of one section fall together, and merged sources with a single one.
 *
 * @throws Error at a kind of schema that nobody has said here what there is to look at inside.
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
    else for (const [inner, place] of inside(part, pointer)) visit(inner, place);
  }
}

/** The schemas that one is made of, each with its pointer. */
function inside(part: unknown, pointer: string): readonly (readonly [unknown, string])[] {
  if (part instanceof z.ZodObject) {
    return Object.entries(part.shape).map(([key, field]) => [field, `${pointer}/${key}`]);
  }
  if (part instanceof z.ZodUnion) return part.options.map((option) => [option, pointer]);
  if (part instanceof z.ZodArray) return [[part.element, pointer.replace(/\/sources$/, "")]];
  if (part instanceof z.ZodRecord) return [part.keyType, part.valueType].map((it) => [it, pointer]);
  if (part instanceof z.ZodPipe) return [part.in, part.out].map((it) => [it, pointer]);
  if (isWrapper(part)) return [[part.unwrap(), pointer]];
  if (leaves.some((leaf) => part instanceof leaf)) return [];
  const kind = part instanceof z.ZodType ? part.type : typeof part;
  throw new Error(`"${pointer}": a schema of the kind ${kind} is not looked into`);
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
