/**
 * Who may use the local API: whoever can read the token file, or has a cookie made from it.
 *
 * Other users of the same computer can connect to loopback, so the token is the only barrier.
 * It is 256 bits, in a file only its owner can read, and compared in constant time.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { chmod, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { hexEncode } from "../../../shared/base/bytes.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";

/** Name of the token file inside the data folder. */
export const TOKEN_FILE = "api-token";

/** Why there is no token. */
export type TokenError = { readonly code: "not-writable"; readonly message: string };

/**
 * The token of a data folder, made on first use. Stays the same over restarts, so that scripts
 * and open browser tabs go on; deleting the file and restarting revokes it.
 *
 * @param randomBytes The Random port's `bytes`.
 */
export async function openToken(
  dataFolder: string,
  randomBytes: (count: number) => Uint8Array,
): Promise<Result<string, TokenError>> {
  const path = join(dataFolder, TOKEN_FILE);
  try {
    const kept = await readToken(path);
    if (kept !== null) return ok(kept);
    const token = hexEncode(randomBytes(32));
    const file = await open(path, "w", 0o600);
    try {
      await file.chmod(0o600); // The mode above only counts for a file that is new.
      await file.writeFile(`${token}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return ok(token);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return err({ code: "not-writable", message: `The file ${path} cannot be used: ${reason}` });
  }
}

/** null when there is none, or when it is not whole: then a new one is made. */
async function readToken(path: string): Promise<string | null> {
  let text: string;
  try {
    text = (await readFile(path, "utf8")).trim();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw cause;
  }
  if (!/^[0-9a-f]{64}$/.test(text)) return null;
  await chmod(path, 0o600); // A copied data folder may have lost it.
  return text;
}

/** Decides about the credentials of requests to one server. */
export class Session {
  readonly #token: string;
  readonly #cookieName: string;
  readonly #cookieValue: string;

  /** @param port Part of the cookie's name: browsers share cookies between ports of one host. */
  constructor(token: string, port: number) {
    this.#token = token;
    this.#cookieName = `tidemark-${port}`;
    this.#cookieValue = createHmac("sha256", token).update("tidemark cookie v1").digest("hex");
  }

  isToken(text: string): boolean {
    return isSame(text, this.#token);
  }

  /** `Set-Cookie` for a browser that showed the token. */
  cookieHeader(): string {
    return `${this.#cookieName}=${this.#cookieValue}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Whether a request carries the token or the cookie. A wrong token is not saved by a cookie. */
  admits(headers: { readonly authorization?: string; readonly cookie?: string }): boolean {
    if (headers.authorization !== undefined) {
      const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization)?.[1];
      return bearer !== undefined && this.isToken(bearer);
    }
    for (const part of (headers.cookie ?? "").split(";")) {
      const at = part.indexOf("=");
      if (part.slice(0, at).trim() !== this.#cookieName) continue;
      if (isSame(part.slice(at + 1).trim(), this.#cookieValue)) return true;
    }
    return false;
  }
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
