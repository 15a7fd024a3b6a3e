import { logIndex, term } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";

const SUFFIX = ".sqlite";
const WORDS_MAX = 40;

/** What a backup's file name says. */
type NamedBackup = { readonly position: Position; readonly atMs: number };

/**
 * E.g. `tidemark-clinic-20261123T140000Z-7-18204-front-desk.sqlite`: sorting names sorts the backups of a workspace,
 * and two computers that share a folder never take the same name.
 */
export function backupName(of: {
  readonly workspace: string;
  readonly member: string;
  readonly atMs: number;
  readonly position: Position;
}): string {
  const time = new Date(of.atMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const { term: atTerm, index } = of.position;
  return `tidemark-${slug(of.workspace)}-${time}-${atTerm}-${index}-${slug(of.member)}${SUFFIX}`;
}

/** Reads such a name; null when it is another. */
export function parseBackupName(name: string): NamedBackup | null {
  const pattern =
    /^tidemark-.+-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(\d{1,15})-(\d{1,15})-.+\.sqlite$/;
  const found = pattern.exec(name)?.slice(1).map(Number);
  if (found === undefined) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, atTerm = 0, index = 0] =
    found;
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second);
  return { position: { term: term(atTerm), index: logIndex(index) }, atMs };
}

/** Letters and digits of any file system; a name of other scripts becomes `x`. */
function slug(text: string): string {
  const plain = text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, WORDS_MAX);
  return plain === "" ? "x" : plain;
}
