/**
 * This member's key: made once per data folder, never sent, never changed.
 *
 * The file `identity/key.pem` (0600 in a 0700 folder) is the identity; the certificate beside it
 * only wraps the key and is made again when it is missing. A key that cannot be read is never
 * replaced: that would silently turn this computer into a stranger to its own cluster.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { selfSignedCertificate } from "./certificate.ts";
import { isMemberKey, memberIdOfKey } from "./member-key.ts";

/** Who this member is, and what proves it. */
export type Identity = {
  readonly memberId: MemberId;
  /** PEM, PKCS#8. Never logged, never sent. */
  readonly privateKey: string;
  /** PEM. */
  readonly certificate: string;
};

/** Why there is no identity. `identity-damaged`: put the key back from a backup, or start anew. */
export type IdentityError = {
  readonly code: "identity-damaged" | "not-writable";
  readonly detail: string;
};

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/**
 * The identity of a data folder.
 *
 * @param dataFolder Must exist.
 * @param isNew Whether nothing was ever done with it: then the identity is made. A folder in use whose key is
 *   gone gets no other one: its owner would be a stranger to everything in it.
 */
export function loadOrCreateIdentity(
  dataFolder: string,
  isNew = true,
): Result<Identity, IdentityError> {
  const folder = join(dataFolder, "identity");
  try {
    if (isNew) mkdirSync(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
    if (existsSync(folder)) chmodSync(folder, OWNER_ONLY_FOLDER);
    const stored = readIfThere(join(folder, "key.pem"));
    if (stored === null && !isNew) {
      return err({ code: "identity-damaged", detail: "identity/key.pem is missing" });
    }
    if (stored === null) return ok(createIdentity(folder));
    const key = parseKey(stored);
    if (!key.ok) return key;
    chmodSync(join(folder, "key.pem"), OWNER_ONLY_FILE);
    return ok(identityOf(folder, key.value, stored));
  } catch (failure) {
    return err({ code: "not-writable", detail: `${folder}: ${String(failure)}` });
  }
}

/** A new identity that no file holds; for tests and simulations. */
export function createEphemeralIdentity(): Identity {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return {
    memberId: memberIdOfKey(publicKey),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: selfSignedCertificate(privateKey, publicKey),
  };
}

function createIdentity(folder: string): Identity {
  const identity = createEphemeralIdentity();
  writeDurably(folder, "certificate.pem", identity.certificate);
  // The key comes last: where it is, the identity is complete.
  writeDurably(folder, "key.pem", identity.privateKey);
  return identity;
}

function parseKey(pem: string): Result<KeyObject, IdentityError> {
  try {
    const key = createPrivateKey(pem);
    if (isMemberKey(key)) return ok(key);
    return err({ code: "identity-damaged", detail: "key.pem holds no P-256 key" });
  } catch (failure) {
    return err({ code: "identity-damaged", detail: `key.pem cannot be read: ${String(failure)}` });
  }
}

function identityOf(folder: string, privateKey: KeyObject, pem: string): Identity {
  const publicKey = createPublicKey(privateKey);
  const memberId = memberIdOfKey(publicKey);
  const stored = readIfThere(join(folder, "certificate.pem"));
  if (stored !== null && certifies(stored, memberId)) {
    return { memberId, privateKey: pem, certificate: stored };
  }
  const certificate = selfSignedCertificate(privateKey, publicKey);
  writeDurably(folder, "certificate.pem", certificate);
  return { memberId, privateKey: pem, certificate };
}

function certifies(pem: string, member: MemberId): boolean {
  try {
    return memberIdOfKey(new X509Certificate(pem).publicKey) === member;
  } catch {
    // Unreadable is the same as missing: it is made again from the key.
    return false;
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw failure;
  }
}

function writeDurably(folder: string, name: string, text: string): void {
  const temporary = join(folder, `${name}.new`);
  writeFileSync(temporary, text, { mode: OWNER_ONLY_FILE, flush: true });
  renameSync(temporary, join(folder, name));
  syncFolder(folder);
}

/** Makes a rename survive a power loss; Windows neither needs nor allows it. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
