import type { JsonCell } from "../../shared/changes/values.ts";

/** A value as a column of text shows it. */
export function cellText(cell: JsonCell): string {
  if (cell === null) return "NULL";
  if (typeof cell === "string") return cell;
  if (typeof cell === "number") return String(cell);
  if ("$int" in cell) return cell.$int;
  if ("$real" in cell) return cell.$real;
  return `x'${Buffer.from(cell.$blob, "base64").toString("hex")}'`;
}

/** The same within a sentence: text is told from numbers and from NULL. */
export function quotedCell(cell: JsonCell): string {
  return typeof cell === "string" ? `'${cell.replaceAll("'", "''")}'` : cellText(cell);
}
