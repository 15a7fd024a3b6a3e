/** A name for this window in the exactly-once key of its writes; new for every page load. */
export function createClientId(): string {
  return crypto.randomUUID();
}
