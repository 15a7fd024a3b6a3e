/** Compares this member's database with its reference, table by table and piece by piece. Both stand still meanwhile. */
import type { CopyDifferences } from "../../../shared/api/copy.ts";
import type { ApiError } from "../../../shared/api/methods.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { isReservedName } from "../../../shared/changes/identifiers.ts";
import { cellFromValue } from "../../../shared/changes/json-cell.ts";
import type { TableCounter } from "../../../shared/changes/payload.ts";
import type { Outline } from "../../../shared/changes/restore-plan.ts";
import type { PieceComparison, RowPiece, VerifyOutcome } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import type { CopyReference } from "./copy-reference.ts";

/** Sent from one store to the other at once. */
const PIECE_BYTES = 1024 * 1024;

/** How much of the differences is kept; all are counted. */
export type KeptMax = { readonly rowsMax: number; readonly bytesMax: number };

/** What a comparison came to. */
export type Comparison = Omit<CopyDifferences, "rows" | "index"> & {
  /** What would make the rows equal, as far as it was kept. */
  readonly changes: readonly Uint8Array[];
  /** Of all rows that differ, kept or not. */
  readonly bytes: number;
  /** The counters as they should be. */
  readonly wantedCounters: readonly TableCounter[];
};

/**
 * @param verified What the store said of itself: tables whose checksum is right are not compared.
 * @param index Where the store stands.
 */
export async function compareCopy(
  stores: { readonly store: Store; readonly reference: CopyReference },
  { verified, index, max }: { verified: VerifyOutcome; index: LogIndex; max: KeptMax },
): Promise<Result<Comparison, ApiError>> {
  const { store, reference } = stores;
  const behind = await reference.goOn(index);
  if (behind !== null) return err(behind);
  const here = await askStore(store, "outline", {});
  if (!here.ok) return here;
  const should = await reference.ask("outline", {});
  if (!should.ok) return should;
  const objects = differingObjects(here.value, should.value);
  const kept = new KeptChanges(max);
  const tables: CopyDifferences["tables"][number][] = [];
  for (const { name } of verified.tables.filter(isWrong)) {
    if (!isComparable(name, should.value, objects)) continue;
    const found = await compareTable(stores, name, kept);
    if (!found.ok) return found;
    tables.push(found.value);
  }
  const counters = differingCounters(here.value.counters, should.value.counters);
  const { changes, bytes } = kept;
  return ok({ tables, objects, counters, changes, bytes, wantedCounters: should.value.counters });
}

async function compareTable(
  { store, reference }: { readonly store: Store; readonly reference: CopyReference },
  table: string,
  kept: KeptChanges,
): Promise<Result<CopyDifferences["tables"][number], ApiError>> {
  const sum = { table, missing: 0, surplus: 0, changed: 0 };
  for (let after: Uint8Array | null = null; ;) {
    const piece: Result<RowPiece, ApiError> = await reference.ask("rowPiece", {
      ...{ table, after, bytesMax: PIECE_BYTES },
    });
    if (!piece.ok) return piece;
    const compared = { table, after, piece: piece.value, ...kept.left };
    const found = await askStore(store, "compareRows", compared);
    if (!found.ok) return found;
    sum.missing += found.value.missing;
    sum.surplus += found.value.surplus;
    sum.changed += found.value.changed;
    kept.take(found.value);
    if (piece.value.upTo === null) return ok(sum);
    after = piece.value.upTo;
  }
}

/** Gathers changes up to a bound. */
class KeptChanges {
  readonly changes: Uint8Array[] = [];
  bytes = 0;
  #rowsLeft: number;
  #bytesLeft: number;

  constructor({ rowsMax, bytesMax }: KeptMax) {
    this.#rowsLeft = rowsMax;
    this.#bytesLeft = bytesMax;
  }

  get left(): KeptMax {
    return { rowsMax: this.#rowsLeft, bytesMax: this.#bytesLeft };
  }

  take({ changes, keptCount, bytes }: PieceComparison): void {
    this.bytes += bytes;
    if (changes === null) return;
    this.changes.push(changes);
    this.#rowsLeft -= keptCount;
    this.#bytesLeft = Math.max(0, this.#bytesLeft - changes.length);
  }
}

function isWrong(table: VerifyOutcome["tables"][number]): boolean {
  return table.rolling !== table.recomputed;
}

/** Rows can be compared where both have the very same table. */
function isComparable(name: string, should: Outline, objects: CopyDifferences["objects"]): boolean {
  if (objects.some((object) => object.type === "table" && object.name === name)) return false;
  // Ours are among the checksums, and not in an outline; SQLite's are compared as objects and counters.
  if (isReservedName(name)) return !/^sqlite_/i.test(name);
  return should.tables.some((table) => table.name === name);
}

function differingObjects(here: Outline, should: Outline): CopyDifferences["objects"] {
  const keyOf = ({ type, name }: Outline["objects"][number]): string => `${type} ${name}`;
  const [mine, wanted] = [here, should].map(
    ({ objects }) => new Map(objects.map((object) => [keyOf(object), object])),
  ) as [Map<string, Outline["objects"][number]>, Map<string, Outline["objects"][number]>];
  return [...new Map([...wanted, ...mine]).values()].flatMap(({ type, name }) => {
    const key = `${type} ${name}`;
    const [found, expected] = [mine.get(key)?.sql ?? null, wanted.get(key)?.sql ?? null];
    return found === expected ? [] : [{ type, name, here: found, should: expected }];
  });
}

function differingCounters(
  here: readonly TableCounter[],
  should: readonly TableCounter[],
): CopyDifferences["counters"] {
  const mine = new Map(here.map(({ table, value }) => [table, value]));
  const wanted = new Map(should.map(({ table, value }) => [table, value]));
  return [...new Set([...wanted.keys(), ...mine.keys()])].flatMap((table) => {
    const [found, expected] = [mine.get(table) ?? null, wanted.get(table) ?? null];
    if (found === expected) return [];
    return [{ table, here: cellFromValue(found), should: cellFromValue(expected) }];
  });
}
