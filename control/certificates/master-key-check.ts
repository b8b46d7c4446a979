import { Fault } from "#shared/base/fault.ts";

import type { Database } from "../storage/database.ts";
import { offerMasterKeyCheck } from "../storage/queries/control-state.ts";
import type { KeyKeeper } from "./key-keeper.ts";
import type { Sealer } from "./sealer.ts";

const checkText = "midstream";
const checkContext = "master-key-check";

/**
 * Makes sure that this database was sealed under this key, before anything is sealed or opened with
 * it. The first start decides which key it is.
 *
 * @throws Fault `certificates/other-master-key` when it is another one
 */
export async function checkMasterKey(
  database: Database,
  sealer: Sealer,
  keeper: Pick<KeyKeeper, "keyId" | "origin">,
): Promise<void> {
  const offered = await sealer.seal(checkText, checkContext);
  const kept = await database.asSystem((tx) => offerMasterKeyCheck(tx, offered));
  const opened = await sealer.open(kept, checkContext).catch(() => undefined);
  if (opened !== checkText) throw otherKey(keeper, kept);
}

function otherKey(keeper: Pick<KeyKeeper, "keyId" | "origin">, kept: string): Fault {
  const sealedUnder = kept.split(".")[1] ?? "";
  return new Fault({
    code: "certificates/other-master-key",
    owner: "platform",
    message:
      `this database was sealed under the master key ${sealedUnder}, ` +
      `but ${keeper.origin} holds ${keeper.keyId}: ` +
      "give the file that was there when the database was made (--master-key-file)",
  });
}
