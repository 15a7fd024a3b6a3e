import type {
  Agent,
  Answer,
  ClientError,
  ConnectionState,
  WriteMethod,
} from "../../renderer/agent/client.ts";
import type { ApiEvent, ApiMethod, ApiParams } from "../../shared/api/methods.ts";
import { err, ok } from "../../shared/base/result.ts";

/** A call that waits for the test to answer it. */
export type FakeCall = {
  readonly method: ApiMethod;
  readonly params: unknown;
  answer(result: unknown): Promise<void>;
  refuse(error: ClientError): Promise<void>;
};

/** An agent that answers only what a test tells it to. */
export class FakeAgent implements Agent {
  readonly calls: FakeCall[] = [];
  /** Answers at once, where a test does not care about the moment; undefined waits. */
  auto: (method: ApiMethod, params: unknown) => unknown = () => undefined;
  readonly #listeners = new Set<(event: ApiEvent) => void>();

  call<M extends ApiMethod>(method: M, params: ApiParams<M>): Answer<M> {
    const immediate = this.auto(method, params);
    if (immediate !== undefined) return Promise.resolve(ok(immediate)) as Answer<M>;
    return new Promise<unknown>((settle) => {
      this.calls.push({
        method,
        params,
        answer: (result) => settleAndWait(() => settle(ok(result))),
        refuse: (error) => settleAndWait(() => settle(err(error))),
      });
    }) as Answer<M>;
  }

  write<M extends WriteMethod>(method: M, params: ApiParams<M>): Answer<M> {
    return this.call(method, params);
  }

  writeKeyed<M extends WriteMethod>(method: M, params: ApiParams<M>): Answer<M> {
    return this.call(method, params);
  }

  onEvent(listener: (event: ApiEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onConnection(listener: (state: ConnectionState) => void): () => void {
    listener("open");
    return () => undefined;
  }

  push(event: ApiEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The first call that waits. */
  take(): FakeCall {
    const call = this.calls.shift();
    if (call === undefined) throw new Error("no call is waiting");
    return call;
  }
}

/** Lets everything that follows from an answer happen. */
async function settleAndWait(settle: () => void): Promise<void> {
  settle();
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
