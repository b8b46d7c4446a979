import { pageItemsMax } from "#shared/base/limits.ts";

/** A part of a list, as asked for. */
export interface PageRequest {
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  /** From the page before; absent for the first. */
  readonly cursor?: string;
}

/** A part of a list. `nextCursor` is null on the last page. */
export type Page<T> =
  | { readonly kind: "page"; readonly items: readonly T[]; readonly nextCursor: string | null }
  /** The cursor was not made by this list, or was changed. */
  | { readonly kind: "bad-cursor" };

/** One list: what it is called in its cursors, and what the place of an item looks like. */
export interface Listing<T, P extends string | number> {
  readonly name: string;
  /** The place that a text names; undefined when it names none. */
  readonly parse: (text: string) => P | undefined;
  readonly placeOf: (item: T) => P;
}

/**
 * A page of a list. `fetch` gives up to `limit` items that come after a place, in the list's order;
 * one more than asked for is fetched, which says whether there is a next page.
 *
 * A cursor names the last item's place and nothing else, so it needs no signature: whatever it
 * says, only the tenant's own rows come back.
 */
export async function pageOf<T, P extends string | number>(
  listing: Listing<T, P>,
  request: PageRequest,
  fetch: (after: P | undefined, limit: number) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const after = request.cursor === undefined ? undefined : placeIn(listing, request.cursor);
  if (request.cursor !== undefined && after === undefined) return { kind: "bad-cursor" };
  const limit = Math.min(Math.max(1, Math.floor(request.limit)), pageItemsMax);
  const found = await fetch(after, limit + 1);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const hasMore = found.length > limit && last !== undefined;
  return {
    kind: "page",
    items,
    nextCursor: hasMore ? cursorOf(listing.name, String(listing.placeOf(last))) : null,
  };
}

function cursorOf(name: string, place: string): string {
  return Buffer.from(`${name} ${place}`).toString("base64url");
}

function placeIn<T, P extends string | number>(
  listing: Listing<T, P>,
  cursor: string,
): P | undefined {
  const text = Buffer.from(cursor.slice(0, 256), "base64url").toString("utf8");
  const place = text.slice(listing.name.length + 1);
  return cursorOf(listing.name, place) === cursor ? listing.parse(place) : undefined;
}

/** The place of things with a number, 1 and up. */
export function parseNumber(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}
