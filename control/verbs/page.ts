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
