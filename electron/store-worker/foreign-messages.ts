import type { ForeignContents, ForeignRows } from "../../shared/api/interchange.ts";
import type { Result } from "../../shared/base/result.ts";

/** Why a file of another program is not read; a code of the API's. */
export type ForeignError = { readonly code: "bad-request"; readonly message: string };

/** What the agent asks of the thread that has such a file open: name -> params and result. */
export type ForeignMethods = {
  /** Opens it; once for each thread. */
  contents: {
    params: { readonly image: Uint8Array };
    result: Result<ForeignContents, ForeignError>;
  };
  /** Some rows of a table, from a place on. */
  rows: {
    params: { readonly table: string; readonly columns: readonly string[]; readonly from: number };
    result: Result<ForeignRows, ForeignError>;
  };
};
