import { FOREIGN_PIECE_BYTES } from "../api/interchange.ts";
import type { ForeignMethod } from "../api/interchange.ts";
import type { ApiParams, ApiResult } from "../api/methods.ts";
import { ok, type Result } from "../base/result.ts";
import { base64Encode } from "../changes/base64.ts";
import { readWhole, type FileSource } from "./file-source.ts";
import type { Watcher } from "./survey.ts";

/** How the agent is asked; the window and the command line have clients of their own. */
export type ForeignCall<E> = <M extends ForeignMethod>(
  method: M,
  params: ApiParams<M>,
) => Promise<Result<ApiResult<M>, E>>;

/** Sends a SQLite file to the agent. @returns how it is called there; null when it was stopped. */
export async function sendFile<E>(
  source: FileSource,
  call: ForeignCall<E>,
  watcher: Watcher,
): Promise<Result<string | null, E>> {
  const opened = await call("openFile", { sizeBytes: source.sizeBytes });
  if (!opened.ok) return opened;
  const { file } = opened.value;
  for (let at = 0; at < source.sizeBytes; at += FOREIGN_PIECE_BYTES) {
    const bytes = await readWhole(source, at, Math.min(at + FOREIGN_PIECE_BYTES, source.sizeBytes));
    const sent = await call("sendFile", { file, at, bytes: { $blob: base64Encode(bytes) } });
    if (!sent.ok) return sent;
    watcher.progress(Math.min(at + FOREIGN_PIECE_BYTES, source.sizeBytes));
    if (!watcher.isStopped()) continue;
    await call("closeFile", { file });
    return ok(null);
  }
  return ok(file);
}
