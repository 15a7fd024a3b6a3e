/** Why somebody who waited for an index waits no longer. */
export type WaitEnd = "reached" | "timeout" | "closed";

type Waiter = {
  readonly index: number;
  readonly end: (why: WaitEnd) => void;
};

/** Callers that wait until a number that grows (applied, flushed) reaches theirs. */
export class IndexWaiters {
  #waiters: Waiter[] = [];
  #reached = 0;
  #isClosed = false;

  /** Resolves once `reach(index)` or more was called; at once when it already was. */
  wait(index: number): { readonly done: Promise<WaitEnd>; readonly cancel: () => void } {
    if (this.#isClosed) return { done: Promise.resolve("closed"), cancel: () => undefined };
    if (index <= this.#reached) {
      return { done: Promise.resolve("reached"), cancel: () => undefined };
    }
    let end: (why: WaitEnd) => void = () => undefined;
    const done = new Promise<WaitEnd>((resolve) => (end = resolve));
    const waiter = { index, end };
    this.#waiters.push(waiter);
    const cancel = (): void => {
      this.#waiters = this.#waiters.filter((each) => each !== waiter);
      end("timeout");
    };
    return { done, cancel };
  }

  /** The number is now `index`. */
  reach(index: number): void {
    if (index <= this.#reached) return;
    this.#reached = index;
    if (this.#waiters.length === 0) return;
    const reached = this.#waiters.filter((waiter) => waiter.index <= index);
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > index);
    for (const waiter of reached) waiter.end("reached");
  }

  /** The number is unknown now (e.g. the store was emptied): even 0 must be reached anew. */
  forget(): void {
    this.#reached = -1;
  }

  /** Ends all waiting. */
  close(): void {
    this.#isClosed = true;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.end("closed");
  }
}
