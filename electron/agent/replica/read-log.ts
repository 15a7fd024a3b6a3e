import type { ApiError } from "../../../shared/api/methods.ts";
import { err } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { LogReadError } from "../log/log-error.ts";

/** Reads from the log for somebody who asked: a record that the disk lost meanwhile is an answer, too. */
export function readLog<T>(read: () => Result<T, ApiError>): Result<T, ApiError> {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LogReadError)) throw error;
    return err({ code: "log-damaged", message: `The log cannot be read: ${error.message}.` });
  }
}
