/** The lowest protocol version this build speaks. */
export const PROTOCOL_VERSION_MIN = 1;

/**
 * The highest protocol version this build speaks.
 *
 * History:
 * - 1: the first. Hello and refusal, ping, Raft, beats, snapshot transfer, forwarded calls,
 *   address gossip.
 *
 * A field is added at the end of a message without a new version: receivers ignore bytes they
 * do not know. A new message type, or a field the receiver must understand, needs a new one.
 * `hello`, `refused` and their type bytes never change: they are how two versions meet.
 */
export const PROTOCOL_VERSION_MAX = 1;

/** Versions a build speaks, both ends included. */
export type VersionRange = { readonly min: number; readonly max: number };

/** The highest version both speak, or null when there is none. */
export function chooseVersion(ours: VersionRange, theirs: VersionRange): number | null {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : null;
}
