import { text } from "../text/en.ts";

/** The column types with their names, for a choice. */
export const typeOptions = [
  { value: "TEXT", label: text.tables.types.text },
  { value: "INTEGER", label: text.tables.types.integer },
  { value: "REAL", label: text.tables.types.real },
  { value: "BLOB", label: text.tables.types.blob },
] as const;
