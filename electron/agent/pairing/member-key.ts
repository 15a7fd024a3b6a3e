import { createHash, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { base32Encode } from "../../../shared/base/bytes.ts";
import { memberId } from "../../../shared/base/ids.ts";
import type { MemberId } from "../../../shared/base/ids.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Bytes of a fingerprint: SHA-256. */
export const FINGERPRINT_BYTES = 32;

/** Whether this is the only kind of key members have: P-256. */
export function isMemberKey(key: KeyObject): boolean {
  return key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
}

/** SHA-256 of the public key as DER SubjectPublicKeyInfo. */
export function keyFingerprint(key: KeyObject): Uint8Array {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

/** The member id that a public key stands for. */
export function memberIdOfKey(key: KeyObject): MemberId {
  return memberId(base32Encode(keyFingerprint(key)));
}

/** The member id of a certificate's key; the certificate's own claims count for nothing. */
export function memberIdOfCertificate(certificate: X509Certificate): MemberId {
  return memberIdOfKey(certificate.publicKey);
}

/** The id of a 32-byte fingerprint, as an invite carries it. */
export function memberIdOfFingerprint(fingerprint: Uint8Array): MemberId {
  return memberId(base32Encode(fingerprint));
}

/** The 32 bytes an id stands for, or null when it is not the id of a key. */
export function fingerprintOfMemberId(id: MemberId): Uint8Array | null {
  if (!/^[a-z2-7]{52}$/.test(id)) return null;
  const bytes = new Uint8Array(FINGERPRINT_BYTES);
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const letter of id) {
    buffer = ((buffer << 5) | ALPHABET.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (buffer >>> bits) & 0xff;
  }
  // The last letter carries padding bits: only one spelling of an id is accepted.
  return base32Encode(bytes) === id ? bytes : null;
}
