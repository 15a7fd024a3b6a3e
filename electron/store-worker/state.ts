import type { Position } from "../../shared/base/ids.ts";
import type { Checksums } from "./bookkeeping.ts";
import type { Schema } from "./schema.ts";

/** What the store knows of its committed database; replaced as a whole by each apply. */
export type StoreState = {
  readonly position: Position;
  readonly schema: Schema;
  readonly checksums: Checksums;
  /** Whether parts of a transaction wait for their end; null until somebody looks. */
  readonly hasParts: boolean | null;
  /** Rows per table, where they were counted since the last load. */
  readonly rowCounts: ReadonlyMap<string, number>;
};
