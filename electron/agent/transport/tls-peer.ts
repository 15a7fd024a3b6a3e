/**
 * What makes a TLS connection trustworthy here, asked before one byte of it is read.
 *
 * Node's own verdict (`authorized`) is never read: certificates are self-signed, so it would be
 * false, and on a resumed session it was measured true without any certificate. Names and dates
 * in certificates are not read either: a computer with a wrong clock must still sync.
 */
import type { TLSSocket } from "node:tls";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { isMemberKey, memberIdOfKey } from "../pairing/member-key.ts";

/** The protocol between members. */
export const MEMBER_ALPN = "tidemark/1";

/** The protocol between a member and whoever holds an invite. */
export const INVITE_ALPN = "tidemark-invite/1";

/** RFC 9266-style label: both ends of one connection derive the same bytes from it. */
const EXPORTER_LABEL = "EXPORTER-tidemark-invite-1";
const EXPORTER_BYTES = 32;

/** What the handshake proved: who is there and what is going to be spoken. */
export type ProvenPeer = { readonly peer: MemberId; readonly alpn: string };

/** The proven key, or what is wrong with the connection. */
export function provePeer(socket: TLSSocket): Result<ProvenPeer, string> {
  if (socket.getProtocol() !== "TLSv1.3") return err(`${socket.getProtocol()} instead of TLS 1.3`);
  if (socket.isSessionReused()) return err("a resumed session proves no key");
  const alpn = socket.alpnProtocol;
  if (alpn !== MEMBER_ALPN && alpn !== INVITE_ALPN) return err("no known protocol was named");
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return err("no certificate was presented");
  if (!isMemberKey(certificate.publicKey)) return err("the certificate's key is not P-256");
  return ok({ peer: memberIdOfKey(certificate.publicKey), alpn });
}

/** 32 bytes known to the two ends of this connection alone. */
export function exportBinding(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0));
}
