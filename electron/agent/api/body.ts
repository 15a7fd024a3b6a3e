import type { IncomingMessage } from "node:http";
import { utf8Decode } from "../../../shared/base/bytes.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";

/** Why a body could not be used. */
export type BodyError = {
  readonly code: "too-large" | "bad-request" | "aborted";
  readonly message: string;
};

/**
 * Reads a JSON body. One byte above the limit ends it, before memory is taken for the rest; the
 * caller then answers and closes the connection.
 */
export async function readJson(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Result<unknown, BodyError>> {
  const bytes = await readBytes(request, bytesMax);
  if (!bytes.ok) return bytes;
  const text = utf8Decode(bytes.value);
  if (text === null) return err({ code: "bad-request", message: "The body is not UTF-8." });
  return parseJson(text);
}

/** Parses JSON that came from elsewhere. */
export function parseJson(text: string): Result<unknown, BodyError> {
  try {
    return ok(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : "unreadable";
    return err({ code: "bad-request", message: `The body is not JSON: ${reason}` });
  }
}

function readBytes(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Result<Uint8Array, BodyError>> {
  const tooLarge = err({
    code: "too-large",
    message: `The body is larger than ${bytesMax} bytes; nothing was done. Send less at once.`,
  } as const);
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return Promise.resolve(tooLarge);
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let length = 0;
    request.on("data", (part: Buffer) => {
      length += part.length;
      if (length > bytesMax) {
        // What still comes is read and dropped, or the client would not get to see the answer.
        parts.length = 0;
        resolve(tooLarge);
        return;
      }
      parts.push(part);
    });
    request.on("end", () => resolve(ok(Buffer.concat(parts))));
    const abort = () => resolve(err({ code: "aborted", message: "The connection was closed." }));
    request.on("error", abort);
    request.on("close", abort);
  });
}
