import { MockDatabase } from "./mock-database.ts";

/** A database as a clinic might have it, with a table of any length for the grid. */
export async function sampleDatabase(readingCount: number): Promise<MockDatabase> {
  const database = await MockDatabase.open();
  const patients = [
    "('Ada Byron', '1985-12-10', 'Ward 2', 61.5, NULL)",
    "('Søren Lindqvist', '1972-03-04', 'Ward 1', 82.0, 'Penicillin')",
    "('Nguyễn Thị Hạnh', '1990-07-21', 'Ward 2', 54.2, '')",
    "('Olumide Adeyemi', '2001-01-30', 'Ward 3', 77.8, 'Latex')",
    "('Maria da Conceição', '1966-11-02', 'Ward 1', NULL, NULL)",
  ];
  const rows = Array.from({ length: 40 }, (_, place) => patients[place % patients.length]);
  database.execute([
    {
      sql: `CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born TEXT,
            ward TEXT, weight_kg REAL, allergies TEXT)`,
    },
    { sql: `INSERT INTO patients (name, born, ward, weight_kg, allergies) VALUES ${rows.join()}` },
    { sql: "CREATE TABLE rooms (code TEXT PRIMARY KEY, beds INTEGER) WITHOUT ROWID" },
    { sql: "INSERT INTO rooms VALUES ('A1', 2), ('A2', 4), ('B1', 1)" },
    { sql: "CREATE TABLE supplies (id INTEGER PRIMARY KEY, item TEXT, count INTEGER)" },
    { sql: "CREATE VIEW heavy AS SELECT name, weight_kg FROM patients WHERE weight_kg > 60" },
    {
      sql: `CREATE TABLE readings (id INTEGER PRIMARY KEY, sensor TEXT, celsius REAL, taken_at TEXT, note TEXT)`,
    },
    {
      sql: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO readings SELECT i, 'sensor-' || (i % 37), 18 + (i * 7919 % 100) / 10.0,
            datetime(1700000000 + i * 60, 'unixepoch'), CASE WHEN i % 9 = 0 THEN NULL ELSE '' END FROM n`,
      params: [readingCount],
    },
  ]);
  return database;
}
