import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createEphemeralIdentity,
  loadOrCreateIdentity,
} from "../../electron/agent/pairing/identity.ts";
import {
  fingerprintOfMemberId,
  memberIdOfCertificate,
  memberIdOfFingerprint,
} from "../../electron/agent/pairing/member-key.ts";
import { memberId } from "../../shared/base/ids.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-identity-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function load() {
  const identity = loadOrCreateIdentity(folder);
  if (!identity.ok) throw new Error(identity.error.detail);
  return identity.value;
}

describe("a member's identity", () => {
  test("is made once and is the same ever after", () => {
    const first = load();
    expect(load()).toEqual(first);
    expect(first.memberId).toMatch(/^[a-z2-7]{52}$/);
  });

  test("is readable by its owner alone, also when the modes were loosened", () => {
    load();
    chmodSync(join(folder, "identity"), 0o755);
    chmodSync(join(folder, "identity", "key.pem"), 0o644);
    load();
    expect(statSync(join(folder, "identity")).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "identity", "key.pem")).mode & 0o777).toBe(0o600);
  });

  test("keeps its id when the certificate is lost or damaged", () => {
    const { memberId: id } = load();
    rmSync(join(folder, "identity", "certificate.pem"));
    expect(load().memberId).toBe(id);
    writeFileSync(join(folder, "identity", "certificate.pem"), "not a certificate");
    const again = load();
    expect(again.memberId).toBe(id);
    expect(memberIdOfCertificate(new X509Certificate(again.certificate))).toBe(id);
  });

  test("that is gone from a folder in use is not replaced by another one", () => {
    const first = load();
    const path = join(folder, "identity", "key.pem");
    const pem = readFileSync(path);
    rmSync(path);
    expect(loadOrCreateIdentity(folder, false)).toMatchObject({
      error: { code: "identity-damaged", detail: "identity/key.pem is missing" },
    });
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, pem);
    expect(load()).toEqual(first);
  });

  test("whose key is damaged is an error, and the file is left as it was", () => {
    load();
    const path = join(folder, "identity", "key.pem");
    writeFileSync(path, "half a key");
    expect(loadOrCreateIdentity(folder)).toMatchObject({ error: { code: "identity-damaged" } });
    expect(readFileSync(path, "utf8")).toBe("half a key");
  });

  test("has a certificate that verifies with its own key and never expires", () => {
    const certificate = new X509Certificate(createEphemeralIdentity().certificate);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.validTo).toContain("9999");
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  });

  test("has an id that stands for 32 bytes, in one spelling only", () => {
    const { memberId: id } = createEphemeralIdentity();
    const fingerprint = fingerprintOfMemberId(id);
    expect(memberIdOfFingerprint(fingerprint ?? new Uint8Array(0))).toBe(id);
    expect(fingerprintOfMemberId(memberId("n1"))).toBeNull();
    const misspelt = memberId(`${id.slice(0, 51)}${id.endsWith("b") ? "c" : "b"}`);
    expect(fingerprintOfMemberId(misspelt)).toBeNull();
  });
});
