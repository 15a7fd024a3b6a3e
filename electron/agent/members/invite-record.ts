import type { MemberId } from "../../../shared/base/ids.ts";

/** What a newcomer may become. */
export const INVITE_ROLES = ["voter", "mirror"] as const;

/** An invitation as the replicated table holds it. */
export type InviteRecord = {
  /** First 8 bytes of the hash of the key, hex. */
  readonly id: string;
  /** The key both sides prove to hold, hex; derived from the link's secret, which is not kept. */
  readonly key: string;
  readonly role: (typeof INVITE_ROLES)[number];
  readonly expiresAtMs: number;
  /** Who redeemed it. */
  readonly usedBy: MemberId | null;
};

/** An invitation nobody has used yet. */
export type NewInvite = Omit<InviteRecord, "usedBy">;

/** A newcomer whose key was proven during the handshake. */
export type Joiner = { readonly inviteId: string; readonly id: MemberId; readonly name: string };
