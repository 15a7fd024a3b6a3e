import { formatChecksum } from "../../shared/changes/checksum.ts";
import { totalChecksum } from "./bookkeeping.ts";
import { sumAll } from "./checksums.ts";
import type { Connection } from "./connection.ts";
import type { VerifyOutcome } from "./messages.ts";
import { readSchema } from "./schema.ts";
import type { StoreState } from "./state.ts";

/** Compares the rolling checksums with sums over what is in the tables now. */
export function verifyStore(
  connection: Connection,
  state: Pick<StoreState, "checksums">,
): Omit<VerifyOutcome, "position"> {
  // Read anew: whatever damaged the rows may have taken whole tables, too.
  const recomputed = sumAll(connection, readSchema(connection));
  const names = new Set([...state.checksums.keys(), ...recomputed.keys()]);
  const none = "0".repeat(16);
  const tables = [...names].sort().map((name) => {
    const rolling = state.checksums.get(name);
    const now = recomputed.get(name);
    return {
      name,
      rolling: rolling === undefined ? none : formatChecksum(rolling),
      recomputed: now === undefined ? none : formatChecksum(now),
    };
  });
  return { recomputed: totalChecksum(recomputed), tables };
}
