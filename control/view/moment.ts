/** A moment as the API writes it: RFC 3339 in UTC with milliseconds; null stays null. */
export function moment(atMs: number): string;
export function moment(atMs: number | null): string | null;
export function moment(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
