import { nearMatch } from "../definition/near-match.ts";

/** More are no help in a sentence. */
const listedValuesMax = 16;
/** Of those that are not all listed. */
const shownValues = 3;

/** The values that there are; of many the one that was probably meant, else the first few. */
export function oneOfThese(values: readonly unknown[], given: unknown): string {
  if (values.length <= listedValuesMax) return oneOf(values);
  const near = typeof given === "string" ? nearMatch(given, values.map(String)) : undefined;
  if (near !== undefined) return `one of ${values.length} words; did you mean ${near}?`;
  return `${oneOf(values.slice(0, shownValues))} or ${values.length - shownValues} others`;
}

export function oneOf(values: readonly unknown[]): string {
  return `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
}
