import type { JsonCell } from "../../shared/changes/values.ts";

/** How a cell is drawn. */
export type CellKind = "null" | "empty" | "number" | "text" | "blob";

/** How a value is drawn. */
export function kindOf(cell: JsonCell): CellKind {
  if (cell === null) return "null";
  if (typeof cell === "string") return cell === "" ? "empty" : "text";
  if (typeof cell === "number" || "$int" in cell || "$real" in cell) return "number";
  return "blob";
}

/** The text of a value; for NULL the empty text. Bytes show their count. */
export function cellText(cell: JsonCell): string {
  if (cell === null) return "";
  if (typeof cell === "string") return cell;
  if (typeof cell === "number") return String(cell);
  if ("$int" in cell) return cell.$int;
  if ("$real" in cell) return cell.$real;
  return `${base64ByteCount(cell.$blob)} bytes`;
}

function base64ByteCount(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}
