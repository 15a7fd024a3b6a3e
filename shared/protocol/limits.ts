/**
 * How large anything from another member may be. Each limit is checked before memory is taken,
 * and each has a reason: a limit without one would only be raised until it hurts.
 *
 * Unit last in the name. Nothing here is a setting: both ends must agree.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** One log entry's payload; larger transactions are logged in parts. */
export const ENTRY_BYTES_MAX = 1 * MIB;

/** One frame. An append with 1 MiB of payload in entries of 8 bytes and more fits. */
export const FRAME_BYTES_MAX = 2 * MIB;

/** Entries in one append: 1 MiB of payloads of 8 bytes. */
export const APPEND_ENTRY_COUNT_MAX = 131_072;

/** One piece of a snapshot: small enough that heartbeats slip in between two of them. */
export const SNAPSHOT_CHUNK_BYTES_MAX = 256 * KIB;

/** A whole snapshot; four times the largest supported database. */
export const SNAPSHOT_BYTES_MAX = 8 * 1024 * MIB;

/** An encoded configuration: 64 seats of 4 KiB context each, and their ids. */
export const CONFIGURATION_BYTES_MAX = 320 * KIB;

/** Parameters or result of a forwarded call. */
export const FORWARD_BYTES_MAX = 1 * MIB;

/** Name of a forwarded method. */
export const METHOD_NAME_BYTES_MAX = 64;

/** A member, cluster or boot id. */
export const ID_BYTES_MAX = 64;

/** A name given by a person: of a computer or of a cluster. */
export const NAME_BYTES_MAX = 256;

/** An application version as in package.json. */
export const APP_VERSION_BYTES_MAX = 64;

/** host:port; a DNS name has at most 253 characters. */
export const ADDRESS_BYTES_MAX = 260;

/** A loopback URL. */
export const URL_BYTES_MAX = 512;

/** Words for people in a refusal. */
export const DETAIL_BYTES_MAX = 1024;

/** Hex digits of a rolling checksum. */
export const CHECKSUM_BYTES_MAX = 32;

/** Seats of a cluster, so also members in an address list. */
export const MEMBER_COUNT_MAX = 64;

/** Addresses told or remembered per member. */
export const ADDRESS_COUNT_MAX = 8;

/** Connections that have not proven a key yet, over all addresses. */
export const UNAUTHENTICATED_COUNT_MAX = 20;

/** The same for one remote address; loopback is exempt, all local members share it. */
export const UNAUTHENTICATED_PER_ADDRESS_COUNT_MAX = 3;

/** Connection attempts of one remote address per second, averaged; loopback is exempt. */
export const ATTEMPTS_PER_SECOND_MAX = 10;

/** One message of the invite protocol towards the inviter. */
export const INVITE_REQUEST_BYTES_MAX = 4 * KIB;

/** The inviter's answer: it lists every member with addresses. */
export const INVITE_REPLY_BYTES_MAX = 256 * KIB;
