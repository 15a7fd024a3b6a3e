import type { ApiError } from "../../shared/api/methods.ts";

/** What the mock agent refuses, with the answer a client gets. */
export class MockRefusal extends Error {
  readonly error: ApiError;

  constructor(error: ApiError) {
    super(error.message);
    this.error = error;
  }
}
