import type { Position } from "../../shared/base/ids.ts";
import type { Agent, ClientError } from "../agent/client.ts";

/** How far it came: to the end where `error` is null. */
export type ImportTakenBack = {
  readonly rowCount: number;
  readonly dropped: readonly string[];
  /** Tables of the import that stay, because somebody else's rows are in them. */
  readonly kept: readonly string[];
  /** Of the last transaction that took something back; null when nothing was left of it. */
  readonly position: Position | null;
  readonly error: ClientError | null;
};

/** Takes a whole import back, part by part; safe to do again after a failure. @param onPart Hears the rows so far. */
export async function takeImportBack(
  agent: Agent,
  importId: string,
  onPart: (rowCount: number) => void,
): Promise<ImportTakenBack> {
  let back: ImportTakenBack = { rowCount: 0, dropped: [], kept: [], position: null, error: null };
  for (let before: { beforeIndex?: number } = {}; ;) {
    const answer = await agent.write("undoImport", { importId, ...before });
    if (!answer.ok) return { ...back, error: answer.error };
    const { rowCount, dropped, kept, position, next } = answer.value;
    back = {
      ...{ rowCount: back.rowCount + rowCount, position: position ?? back.position, error: null },
      ...{ dropped: [...back.dropped, ...dropped], kept: [...back.kept, ...kept] },
    };
    if (next === null) return back;
    onPart(back.rowCount);
    before = { beforeIndex: next };
  }
}
