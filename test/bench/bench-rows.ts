/** The rows of every measurement: an integer key, about 100 bytes of text, a number. */
export type BenchRow = readonly [id: number, text: string, number: number];

/** The columns in the order of `BenchRow`. */
export const BENCH_COLUMNS = ["id", "text", "number"] as const;

/** The statement that makes the table. */
export function tableSql(table: string): string {
  return `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, text TEXT NOT NULL, number REAL NOT NULL)`;
}

const FILLER =
  "the quick brown fox jumps over the lazy dog and runs along the river until it is dark";

/** The row of an id, the same in every run. */
export function benchRow(id: number): BenchRow {
  return [id, `${id} ${FILLER}`.padEnd(100, "."), (id % 10_007) / 7];
}
