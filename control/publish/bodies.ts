import type { TenantId } from "#shared/base/ids.ts";
import { bodiesCachedBytesMax } from "#shared/base/limits.ts";

import type { Transaction } from "../storage/database.ts";
import { readBodies } from "../storage/queries/node-groups.ts";
import { checkBody, type BodyTexts } from "./check-snapshot.ts";
import { OnceCache } from "./once-cache.ts";

/** Bodies that one statement reads. */
const bodiesPerQuery = 200;

/** Bodies by their hash, each checked when it is first read; the most used ones stay in memory. */
export class Bodies {
  readonly #texts = new OnceCache<string>({
    weightMax: bodiesCachedBytesMax,
    weightOf: (text) => text.length,
  });

  /** The bodies when all of them are in memory. */
  known(tenantId: TenantId, hashes: readonly string[]): BodyTexts | undefined {
    const found = new Map<string, string>();
    for (const hash of hashes) {
      const text = this.#texts.get(keyOf(tenantId, hash));
      if (text === undefined) return undefined;
      found.set(hash, text);
    }
    return found;
  }

  /**
   * The canonical JSON of these bodies; those that are not stored are missing in the answer.
   *
   * @throws Fault `publish/damaged-body`
   */
  async load(tx: Transaction, tenantId: TenantId, hashes: readonly string[]): Promise<BodyTexts> {
    const found = new Map<string, string>();
    const unknown: string[] = [];
    for (const hash of new Set(hashes)) {
      const text = this.#texts.get(keyOf(tenantId, hash));
      if (text === undefined) unknown.push(hash);
      else found.set(hash, text);
    }
    for (let at = 0; at < unknown.length; at += bodiesPerQuery) {
      const wanted = unknown.slice(at, at + bodiesPerQuery);
      // oxlint-disable-next-line no-await-in-loop -- between two reads others get their turn
      const read = await readBodies(tx, tenantId, wanted);
      for (const [hash, text] of read) {
        checkBody(hash, text);
        this.#texts.set(keyOf(tenantId, hash), text);
        found.set(hash, text);
      }
    }
    return found;
  }
}

function keyOf(tenantId: TenantId, hash: string): string {
  return `${tenantId}/${hash}`;
}
