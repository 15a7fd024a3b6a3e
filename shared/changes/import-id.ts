/**
 * How the transactions of one import are told from all others: by the client id that stands in each
 * of them in the log. So an import of any size is one thing that can be taken back.
 */

const PREFIX = "import:";
const IMPORT_ID = /^[0-9a-z]{1,32}$/;

/** Whether a text may name an import. */
export function isImportId(text: string): boolean {
  return IMPORT_ID.test(text);
}

/**
 * The client id of a part of an import.
 *
 * @param part Each is a client of its own in the exactly-once table: at most 12 letters or digits.
 */
export function importClientId(importId: string, part: string): string {
  return `${PREFIX}${importId}:${part}`;
}

/** The part that is sent first and alone: with it the whole import is in the log. */
export const FIRST_PART = "first";

/** Whether a transaction of this client is the first of its import. */
export function isBeginningOfImport(client: {
  readonly id: string;
  readonly sequence: number;
}): boolean {
  return client.sequence === 1 && client.id.endsWith(`:${FIRST_PART}`);
}

/** The import that a transaction of this client belongs to; null when it belongs to none. */
export function importIdOf(clientId: string | null): string | null {
  if (clientId === null || !clientId.startsWith(PREFIX)) return null;
  const id = clientId.slice(PREFIX.length).split(":")[0] ?? "";
  return isImportId(id) ? id : null;
}
