import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { MemberId } from "../base/ids.ts";
import { FRAME_TYPE, readMemberId } from "./fields.ts";
import { ADDRESS_BYTES_MAX, ADDRESS_COUNT_MAX, MEMBER_COUNT_MAX } from "./limits.ts";

/** Where a member was last reached, as host:port, newest first. */
export type MemberAddresses = { readonly id: MemberId; readonly addresses: readonly string[] };

/** Gossip: where the sender last reached the others. Hints: every dial checks the key anyway. */
export type AddressesMessage = {
  readonly type: "addresses";
  readonly members: readonly MemberAddresses[];
};

/** The part of a frame that lists members with their addresses. */
export function writeMemberAddresses(
  writer: ByteWriter,
  members: readonly MemberAddresses[],
): void {
  writer.list(members, (member) => {
    writer.text(member.id).list(member.addresses, (address) => writer.text(address));
  });
}

/** The counterpart of `writeMemberAddresses`. */
export function readMemberAddresses(reader: ByteReader): readonly MemberAddresses[] {
  return reader.list(MEMBER_COUNT_MAX, () => ({
    id: readMemberId(reader),
    addresses: reader.list(ADDRESS_COUNT_MAX, () => reader.text(ADDRESS_BYTES_MAX)),
  }));
}

/** Appends the frame. */
export function writeAddresses(writer: ByteWriter, message: AddressesMessage): void {
  writer.uint8(FRAME_TYPE.addresses);
  writeMemberAddresses(writer, message.members);
}

/** The frame after its type byte. */
export function readAddresses(reader: ByteReader): AddressesMessage {
  return { type: "addresses", members: readMemberAddresses(reader) };
}
