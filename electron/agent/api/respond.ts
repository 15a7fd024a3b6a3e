import type { ServerResponse } from "node:http";
import type { ApiError } from "../../../shared/api/methods.ts";
import { httpStatus } from "./http-status.ts";

/** Sends `value` as JSON. Answers of the API are never cached. */
export function respondJson(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
  });
  // As text it leaves together with the head: one write to the socket, not two.
  response.end(text);
}

/**
 * Sends `{"error": ...}`.
 *
 * @param status Where the transport knows better than the code: 403, 405, 415.
 */
export function respondError(response: ServerResponse, error: ApiError, status?: number): void {
  respondJson(response, status ?? httpStatus(error.code), { error });
}

/** Sends text that is neither JSON nor a file. */
export function respondText(
  response: ServerResponse,
  status: number,
  body: { readonly text: string; readonly type: string },
): void {
  response.writeHead(status, {
    "Content-Type": body.type,
    "Content-Length": Buffer.byteLength(body.text),
    "Cache-Control": "no-store",
  });
  response.end(body.text);
}
