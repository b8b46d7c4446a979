/** Milliseconds since 1970 of a stored moment; null stays null. */
export function momentMs(at: Date): number;
export function momentMs(at: Date | null): number | null;
export function momentMs(at: Date | null): number | null {
  return at === null ? null : at.getTime();
}
