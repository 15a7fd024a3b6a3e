/**
 * The leader's write path: gather, capture, propose, wait until applied, answer.
 *
 * One batch at a time is captured, because a transaction is captured on top of everything that
 * was decided before it; while a batch replicates, the next gathers. The database never holds
 * anything that is not committed: capturing rolls back, and applying the committed entry is what
 * changes it, here exactly as on a follower.
 *
 * What it promises: an `ok` means applied here and stored by a quorum (or what the ack level
 * says). `not-leader`, `no-quorum` and every SQL error mean: nothing happened and nothing will.
 * Only `unknown-outcome` leaves it open, and a retry with the same client and sequence settles it.
 */
import type { AckLevel, ApiError, StatementResult } from "../../../shared/api/methods.ts";
import { assert } from "../../../shared/base/assert.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { Position, Term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { RaftError } from "../../../shared/raft/types.ts";
import type { CaptureOutcome, CaptureRequest, StoreError } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";

/** A write that was done. */
export type WriteDone = {
  readonly position: Position;
  readonly results: readonly StatementResult[];
};

/** How a write ended. */
export type WriteOutcome = Result<WriteDone, ApiError>;

/** One write on its way. */
export type WriteRequest = { readonly capture: CaptureRequest; readonly ack: AckLevel };

/** What the queue needs from the replica around it. */
export type WriteContext = {
  readonly store: Store;
  /** Null when writes may be captured now; else why not. */
  readonly refusal: () => ApiError | null;
  /** Waits until everything in this leader's log is applied; the error when it stops leading. */
  readonly settled: () => Promise<Result<Term, ApiError>>;
  /** Refuses when the term is another by now: then the captured images may be stale. */
  readonly propose: (
    payloads: readonly Uint8Array[],
    settledTerm: Term,
  ) => Result<{ readonly first: Position; readonly last: Position }, RaftError>;
  /** Waits until the entry at the position is as safe as the ack level asks. */
  readonly confirmed: (position: Position, ack: AckLevel) => Promise<ApiError | null>;
  /** The same for an entry that is applied here, however long ago. */
  readonly repeated: (position: Position, ack: AckLevel) => Promise<ApiError | null>;
};

type CapturedWork = {
  readonly payloads: readonly Uint8Array[];
  readonly results: readonly StatementResult[];
};

type Captured = CapturedWork & { readonly pending: Pending };

type Pending = WriteRequest & { readonly end: (outcome: WriteOutcome) => void };

/** Bounds the time a batch occupies the store, and the memory of a burst. */
const BATCH_COUNT_MAX = 512;
/** A batch closes before its rows would exceed this; bulk rows count one by one. */
const BATCH_ROWS_MAX = 20_000;

/** Writes of all clients of this leader, in order of arrival. How many may wait is leadership.ts's to say. */
export class WriteQueue {
  readonly #context: WriteContext;
  #waiting: Pending[] = [];
  #isRunning = false;
  /** The batch under way. */
  #batch: Promise<void> | null = null;
  /** Until it resolves nothing is captured. */
  #hold: Promise<void> | null = null;
  /** Retries that arrive while the first try is under way share its outcome. */
  readonly #inFlight = new Map<
    string,
    { readonly ack: AckLevel; readonly outcome: Promise<WriteOutcome> }
  >();

  constructor(context: WriteContext) {
    this.#context = context;
  }

  /** Never rejects. */
  submit(request: WriteRequest): Promise<WriteOutcome> {
    const { client } = request.capture;
    if (client === null) return this.#enqueue(request);
    const key = `${client.id} ${client.sequence}`;
    const first = this.#inFlight.get(key);
    if (first?.ack === request.ack) return first.outcome;
    if (first !== undefined) return this.#join(first.outcome, request.ack);
    const outcome = this.#enqueue(request).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, { ack: request.ack, outcome });
    return outcome;
  }

  /** The first try's outcome, as safe as the second asks: the first may have asked for less. */
  async #join(first: Promise<WriteOutcome>, ack: AckLevel): Promise<WriteOutcome> {
    const outcome = await first;
    if (!outcome.ok) return outcome;
    const error = await this.#context.confirmed(outcome.value.position, ack);
    return error === null ? outcome : err(error);
  }

  /**
   * Captures nothing while `work` runs, and begins it when all that was captured is applied, or will never be: an edit
   * that was captured on rows that are repaired meanwhile would fit to nothing. One at a time.
   */
  async whileHeld<T>(work: () => Promise<T>): Promise<T> {
    assert(this.#hold === null, "the queue is held by one at a time");
    let release: () => void = () => undefined;
    this.#hold = new Promise((resolve) => (release = resolve));
    try {
      await this.#batch;
      await this.#context.settled();
      return await work();
    } finally {
      this.#hold = null;
      release();
    }
  }

  /** Ends everything that was not proposed yet; what was proposed ends by itself. */
  failWaiting(error: ApiError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const pending of waiting) pending.end(err(error));
  }

  #enqueue(request: WriteRequest): Promise<WriteOutcome> {
    const refusal = this.#context.refusal();
    if (refusal !== null) return Promise.resolve(err(refusal));
    return new Promise((end) => {
      this.#waiting.push({ ...request, end });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#waiting.length > 0) {
        if (this.#hold !== null) await this.#hold;
        else await (this.#batch = this.#runBatch());
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #runBatch(): Promise<void> {
    const settled = await this.#context.settled();
    if (!settled.ok) {
      this.failWaiting(settled.error);
      return;
    }
    const batch = this.#takeBatch();
    const outcomes = await this.#capture(batch);
    const captured: Captured[] = [];
    for (const [i, pending] of batch.entries()) {
      const done = answerWithoutLog(outcomes[i]);
      if (done.type === "answer") pending.end(done.outcome);
      else if (done.type === "repeated") void this.#repeat(done.done, pending);
      else captured.push({ ...done, pending });
    }
    if (captured.length > 0) this.#propose(captured, settled.value);
  }

  /** It was done before, and perhaps asked for less then. */
  async #repeat(done: WriteDone, { ack, end }: Pending): Promise<void> {
    const error = await this.#context.repeated(done.position, ack);
    end(error === null ? ok(done) : err(error));
  }

  /** All or none: each transaction was captured on top of the ones before it. */
  #propose(captured: readonly Captured[], settledTerm: Term): void {
    const proposed = this.#context.propose(
      captured.flatMap((each) => each.payloads),
      settledTerm,
    );
    if (!proposed.ok) {
      const error = fromRaft(proposed.error);
      for (const { pending } of captured) pending.end(err(error));
      return;
    }
    const { first } = proposed.value;
    let lastIndex = first.index - 1;
    for (const { pending, payloads, results } of captured) {
      // A transaction stands where its last part stands.
      lastIndex += payloads.length;
      const position = { term: first.term, index: logIndex(lastIndex) };
      void this.#context.confirmed(position, pending.ack).then((error) => {
        pending.end(error === null ? ok({ position, results }) : err(error));
      });
    }
  }

  #takeBatch(): readonly Pending[] {
    let rows = 0;
    let count = 0;
    for (const { capture } of this.#waiting) {
      // Foreign keys rest while a former state is captured, so nothing else is captured with it.
      const isAlone = capture.work.type === "restore-state";
      if (isAlone) return this.#waiting.splice(0, Math.max(1, count));
      rows += capture.work.type === "insert-rows" ? capture.work.rows.length : 1;
      if (count === BATCH_COUNT_MAX || (count > 0 && rows > BATCH_ROWS_MAX)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #capture(batch: readonly Pending[]): Promise<readonly CaptureOutcome[]> {
    try {
      return await this.#context.store.call("capture", {
        requests: batch.map((pending) => pending.capture),
      });
    } catch {
      // The store's worker ended under us: nothing was proposed, so nothing happened.
      return [];
    }
  }
}

type Answer =
  | { readonly type: "answer"; readonly outcome: WriteOutcome }
  | { readonly type: "repeated"; readonly done: WriteDone }
  | ({ readonly type: "captured" } & CapturedWork);

/** What needs no place in the log: failures, and repeated writes. */
function answerWithoutLog(outcome: CaptureOutcome | undefined): Answer {
  if (outcome === undefined) return { type: "answer", outcome: err(storeLost()) };
  if (!outcome.ok) return { type: "answer", outcome: err(toApiError(outcome.error)) };
  const { value } = outcome;
  if (value.type === "captured") {
    return { type: "captured", payloads: value.payloads, results: value.results };
  }
  return { type: "repeated", done: { position: value.position, results: value.results } };
}

/** The core's refusal of a proposal: nothing was appended. */
function fromRaft(error: RaftError): ApiError {
  switch (error.code) {
    case "queue-full":
      return { code: "busy", message: "Too much is waiting for the other computers; try again." };
    case "transfer-in-progress":
      return { code: "busy", message: "Leadership is being handed over; try again." };
    default:
      return { code: "not-leader", message: `This computer does not lead: ${error.detail}.` };
  }
}

function toApiError(error: StoreError): ApiError {
  const { code, message, statement, conflicts } = error;
  return {
    code,
    message,
    ...(statement !== undefined && { statement }),
    ...(conflicts !== undefined && { conflicts }),
  };
}

function storeLost(): ApiError {
  return { code: "busy", message: "The store was restarted; nothing was changed, try again." };
}
