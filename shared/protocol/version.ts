/** The lowest protocol version this build speaks. */
export const PROTOCOL_VERSION_MIN = 1;

/**
 * The highest protocol version this build speaks.
 *
 * History:
 * - 1: the first. Hello and refusal, ping, Raft, beats, snapshot transfer, forwarded calls,
 *   address gossip.
 * - 2: seats have incarnations. Hello, append-ack, heartbeat-ack and vote-reply say for which
 *   incarnation of its seat the sender's disk vouches, hello also whom it voted for; `barred`
 *   tells a member that its disk is not believed. Snapshot chunks carry a checksum each;
 *   `snapshot-offer` and `snapshot-request` let any member serve one, and beat-ack says which it
 *   has. Beats say which of the receiver's beat-acks they answer. A member of version 1 states none of this, is believed as before, and gets snapshots
 *   from the leader alone.
 *
 * A field is added at the end of a message without a new version: receivers ignore bytes they
 * do not know. A new message type, a new kind of log entry, or a field the receiver must
 * understand, needs a new one; which fields a frame has follows from the version both agreed on.
 * `hello`, `refused` and their type bytes never change: they are how two versions meet.
 */
export const PROTOCOL_VERSION_MAX = 2;

/** Versions a build speaks, both ends included. */
export type VersionRange = { readonly min: number; readonly max: number };

/** What this build speaks; a test or a simulation may take less. */
export const PROTOCOL_VERSIONS: VersionRange = {
  min: PROTOCOL_VERSION_MIN,
  max: PROTOCOL_VERSION_MAX,
};

/** From this version on, members state incarnations. */
export const VERSION_WITH_INCARNATIONS = 2;

/** From this version on, chunks carry checksums and any member serves snapshots. */
export const VERSION_WITH_SHARED_SNAPSHOTS = 2;

/** From this version on, beats say which moment of the receiver they answer. */
export const VERSION_WITH_STAMPS = 2;

/** The highest version both speak, or null when there is none. */
export function chooseVersion(ours: VersionRange, theirs: VersionRange): number | null {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : null;
}
