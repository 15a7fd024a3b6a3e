import { INVITE_ROLES } from "./invite-record.ts";
import type { Joiner, NewInvite } from "./invite-record.ts";
import { NAME_BYTES_MAX } from "../../../shared/protocol/limits.ts";
import { utf8Encode } from "../../../shared/base/bytes.ts";
import { logIndex, memberId } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { SettingValue } from "../../../shared/cluster/settings.ts";

/*
 * What another member asks of this one, checked before anything believes its shape: the asker's
 * key is proven, but its program may be newer, older or broken. Null: not what was to come.
 */

const ID = /^[!-~]{1,64}$/;
const HEX = /^(?:[0-9a-f]{2}){1,64}$/;

/** For `record-invite`. */
export function parseNewInvite(value: unknown): NewInvite | null {
  const { id, key, role, expiresAtMs } = fieldsOf(value);
  const known = INVITE_ROLES.find((each) => each === role);
  if (!isMatch(id, HEX) || !isMatch(key, HEX) || known === undefined) return null;
  if (!Number.isSafeInteger(expiresAtMs)) return null;
  return { id, key, role: known, expiresAtMs: expiresAtMs as number };
}

/** For `redeem`. */
export function parseJoiner(value: unknown): Joiner | null {
  const { inviteId, id, name } = fieldsOf(value);
  if (!isMatch(inviteId, HEX) || !isMatch(id, ID) || typeof name !== "string") return null;
  if (utf8Encode(name).length > NAME_BYTES_MAX) return null;
  return { inviteId, id: memberId(id), name };
}

/** For `checksum-at`. */
export function parseIndex(value: unknown): LogIndex | null {
  const { index } = fieldsOf(value);
  return Number.isSafeInteger(index) && (index as number) >= 0 ? logIndex(index as number) : null;
}

/** For `switchover`: somebody named, or whoever fits best. */
export function parseTarget(value: unknown): { readonly to?: string } | null {
  if (typeof value !== "object" || value === null) return null;
  const { to } = fieldsOf(value);
  if (to === undefined) return {};
  return typeof to === "string" ? { to } : null;
}

/** For `removeMember`. */
export function parseRemoval(value: unknown): { readonly member: string } | null {
  const { member } = fieldsOf(value);
  return typeof member === "string" ? { member } : null;
}

/** For `changeSetting`. */
export function parseSetting(
  value: unknown,
): { readonly key: string; readonly value: SettingValue } | null {
  const { key, value: wanted } = fieldsOf(value);
  const isValue = typeof wanted === "number" || typeof wanted === "string";
  return typeof key === "string" && isValue ? { key, value: wanted } : null;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isMatch(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}
