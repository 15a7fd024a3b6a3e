/**
 * A self-signed X.509 certificate around a member's key: the smallest one TLS accepts.
 *
 * Nobody reads what it says. TLS needs a certificate to prove that the other side holds a key,
 * and members compare the key alone; so it has no name, no extensions and never expires (RFC
 * 5280, 4.1.2.5). Written by hand because it is sixty lines of DER, against a library that
 * costs 145 ms at start and a reflection polyfill.
 */
import { randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { concatBytes, utf8Encode } from "../../../shared/base/bytes.ts";

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
} as const;

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2. */
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/** commonName, 2.5.4.3. */
const COMMON_NAME = [0x55, 0x04, 0x03];
const X509_VERSION_3 = 2;
const SERIAL_BYTES = 16;

/** The certificate in PEM. @param publicKey The P-256 key that belongs to `privateKey`. */
export function selfSignedCertificate(privateKey: KeyObject, publicKey: KeyObject): string {
  const algorithm = der(TAG.sequence, objectId(ECDSA_WITH_SHA256));
  const body = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, Uint8Array.of(X509_VERSION_3))),
    der(TAG.integer, serialNumber()),
    algorithm,
    commonName("tidemark member"),
    der(
      TAG.sequence,
      der(TAG.utcTime, utf8Encode("000101000000Z")),
      der(TAG.generalizedTime, utf8Encode("99991231235959Z")),
    ),
    commonName("tidemark member"),
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", body, privateKey);
  const noUnusedBits = Uint8Array.of(0);
  const whole = der(TAG.sequence, body, algorithm, der(TAG.bitString, noUnusedBits, signature));
  const lines =
    Buffer.from(whole)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function commonName(name: string): Uint8Array {
  const attribute = der(TAG.sequence, objectId(COMMON_NAME), der(TAG.utf8String, utf8Encode(name)));
  return der(TAG.sequence, der(TAG.set, attribute));
}

function objectId(bytes: readonly number[]): Uint8Array {
  return der(TAG.objectId, Uint8Array.from(bytes));
}

/** Positive and in its shortest form: the first byte is 0x40 to 0x7f. */
function serialNumber(): Uint8Array {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(parts);
  return concatBytes([Uint8Array.of(tag), lengthBytes(content.length), content]);
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(0x81, length);
  return Uint8Array.of(0x82, length >>> 8, length & 0xff);
}
