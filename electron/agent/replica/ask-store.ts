import type { ApiError } from "../../../shared/api/methods.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { StoreMethods } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";

/** A question to the store; `busy` when it was restarted meanwhile and must be filled again. */
export async function askStore<M extends keyof StoreMethods>(
  store: Store,
  method: M,
  params: StoreMethods[M]["params"],
): Promise<Result<StoreMethods[M]["result"], ApiError>> {
  try {
    return ok(await store.call(method, params));
  } catch {
    // The port rejects in this one case; why is logged by the owner of the store.
    return err({ code: "busy", message: "The store is being filled again; try again soon." });
  }
}
