/** What a check of this copy found, in words. They never claim more than was compared. Pure. */
import type { CopyDifferences, CopyFinding, Verification } from "../../shared/api/copy.ts";
import { cellText } from "../parts/cell-text.ts";
import { formatCount, formatPlural } from "../parts/format.ts";
import { text } from "../text/en.ts";

/** `live`: equal to the leader's, or the leader's own; `behind`: sound, and not compared; `stopped`: broken. */
export type VerificationTone = "live" | "behind" | "stopped";

/** How sure it is. */
export function toneOf({ isIdentical, leader }: Verification): VerificationTone {
  if (!isIdentical) return "stopped";
  return leader === null ? "behind" : "live";
}

/** One sentence. */
export function describeVerification(found: Verification): string {
  const at = `at entry ${formatCount(found.index)}`;
  if (!found.isIdentical) {
    const broken = found.tables.filter((table) => table.rolling !== table.recomputed);
    const names = broken.map((table) => table.name).join(", ");
    return names === ""
      ? `This copy differs from the leader's ${at}.`
      : `This copy is damaged ${at}, in: ${names}.`;
  }
  if (found.comparedWith === "leader") return `Every row is identical to the leader's ${at}.`;
  return found.leader === null
    ? `Every row matches this copy's own checksum ${at}; the leader's was not heard there.`
    : `Every row matches this copy's own checksum ${at}. This computer leads: the others compare with it.`;
}

/** What differs, a sentence for each table, object and counter. */
export function describeDifferences({ tables, objects, counters }: CopyDifferences): string[] {
  const words = text.copy;
  return [
    ...tables.map(({ table, missing, surplus, changed }) => {
      const parts = [
        missing > 0 ? words.missing(rowsText(missing)) : "",
        surplus > 0 ? words.surplus(rowsText(surplus)) : "",
        changed > 0 ? words.changed(rowsText(changed)) : "",
      ].filter((part) => part !== "");
      return `${table}: ${parts.join(", ")}`;
    }),
    ...objects.map(({ type, name, here, should }) => {
      const what = `The ${type} ${name}`;
      if (here === null) return words.objectMissing(what);
      return should === null ? words.objectSurplus(what) : words.objectOther(what);
    }),
    ...counters.map(({ table, here, should }) => {
      const [now, wanted] = [here, should].map((cell) => cellText(cell) || words.none);
      return words.counter(table, now ?? "", wanted ?? "");
    }),
  ];
}

/** All rows that differ, those that are not listed too. */
export function differingRowCount({ tables }: Pick<CopyDifferences, "tables">): number {
  return tables.reduce((sum, each) => sum + each.missing + each.surplus + each.changed, 0);
}

/** What a person is told before a repair; null when there is none. */
export function repairBody(finding: CopyFinding, isLeading: boolean): string | null {
  if (finding !== "rows-differ" && finding !== "tables-differ") return null;
  const body = text.copy.repairBody[finding];
  return isLeading ? `${body} ${text.copy.repairLeads}` : body;
}

/** "1 row", "240 rows". */
export function rowsText(count: number): string {
  return formatPlural(count, "row", "rows");
}
