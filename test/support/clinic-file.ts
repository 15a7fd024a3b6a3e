import initSqlJs from "sql.js";

/** Rows of `wards`. */
export const WARD_COUNT = 40;

/** Rows of `patients`. */
export const PATIENT_COUNT = 12_000;

const SQL = `
CREATE TABLE wards (code TEXT PRIMARY KEY, beds INTEGER) WITHOUT ROWID;
CREATE TABLE patients (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, ward TEXT REFERENCES wards(code), weight REAL, scan BLOB
);
CREATE INDEX by_ward ON patients(ward);
CREATE VIEW crowded AS SELECT ward, count(*) AS many FROM patients GROUP BY ward;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${WARD_COUNT - 1})
  INSERT INTO wards SELECT 'W' || i, i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PATIENT_COUNT})
  INSERT INTO patients
  SELECT i, 'name ' || i, 'W' || (i % ${WARD_COUNT}), i / 7.0, CASE i % 3 WHEN 0 THEN x'00ff' END FROM n;
CREATE TRIGGER weighed AFTER UPDATE OF weight ON patients BEGIN
  UPDATE wards SET beds = beds WHERE code = new.ward;
END;
`;

/** A SQLite file of another program: two tables that refer to each other, an index, a view and a trigger. */
export async function clinicFile(): Promise<Uint8Array> {
  const { Database } = await initSqlJs();
  const database = new Database();
  database.exec(SQL);
  const bytes = database.export();
  database.close();
  return bytes;
}
