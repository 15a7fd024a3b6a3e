/**
 * SQLite files of other programs on their way in: received in pieces, read in a thread of their own.
 *
 * One at a time, bounded, and given up after some minutes without a question: a window that was
 * closed in the middle of an import tells nobody.
 */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import type { ForeignMethod } from "../../../shared/api/interchange.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";
import { base64Decode } from "../../../shared/changes/base64.ts";
import type { ForeignMethods } from "../../store-worker/foreign-messages.ts";
import type { Clock, Timer } from "../ports.ts";
import type { StoreThread } from "../store/store-client.ts";

type ForeignFilesOptions = {
  readonly spawn: () => StoreThread;
  readonly clock: Clock;
  /** Numbers files so that an answer for a former one is not taken for this one's. */
  readonly newId: () => string;
};

type Waiting = (answer: Result<unknown, ApiError>) => void;

type OpenFile = {
  readonly id: string;
  readonly bytes: Uint8Array;
  receivedBytes: number;
  thread: StoreThread | null;
  readonly waiting: Map<number, Waiting>;
  timer: Timer | null;
};

type Handlers = {
  readonly [M in ForeignMethod]: (
    params: ApiParams<M>,
  ) => Result<ApiResult<M>, ApiError> | Promise<Result<ApiResult<M>, ApiError>>;
};

type Answered<M extends keyof ForeignMethods> =
  ForeignMethods[M]["result"] extends Result<infer T, unknown> ? T : never;

const IDLE_MS_MAX = 10 * 60_000;

/** Whether a method is one of these. */
export function isForeignMethod(method: string): method is ForeignMethod {
  return ["openFile", "sendFile", "fileContents", "fileRows", "closeFile"].includes(method);
}

/** Serves them. */
export class ForeignFiles {
  readonly #options: ForeignFilesOptions;
  readonly #handlers: Handlers;
  #file: OpenFile | null = null;
  #lastCall = 0;

  constructor(options: ForeignFilesOptions) {
    this.#options = options;
    this.#handlers = {
      openFile: ({ sizeBytes }) => this.#open(sizeBytes),
      sendFile: (params) => this.#receive(params),
      fileContents: ({ file }) => this.#contents(file),
      fileRows: ({ file, table, columns, from }) =>
        this.#ask(file, "rows", { table, columns, from }),
      closeFile: ({ file }) => {
        if (this.#file?.id === file) this.close();
        return ok({});
      },
    };
  }

  /** Never rejects. */
  async call<M extends ForeignMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    return this.#handlers[method](params);
  }

  /** Forgets the file that is open. */
  close(): void {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    file.timer?.cancel();
    for (const end of file.waiting.values()) end(err(gone()));
    void file.thread?.terminate();
  }

  #open(sizeBytes: number): Result<ApiResult<"openFile">, ApiError> {
    this.close();
    const id = this.#options.newId();
    const bytes = new Uint8Array(sizeBytes);
    this.#file = { id, bytes, receivedBytes: 0, thread: null, waiting: new Map(), timer: null };
    this.#touch(this.#file);
    return ok({ file: id });
  }

  #receive({
    file: id,
    at,
    bytes,
  }: ApiParams<"sendFile">): Result<ApiResult<"sendFile">, ApiError> {
    const file = this.#find(id);
    if (!file.ok) return file;
    const piece = base64Decode(bytes.$blob);
    const { receivedBytes, bytes: all, thread } = file.value;
    // A piece that is sent again after a lost answer is there already.
    const isNext = at === receivedBytes;
    if (piece === null || at > receivedBytes || at + piece.length > all.length || thread !== null) {
      return err({ code: "bad-request", message: "This piece does not belong there." });
    }
    if (isNext) {
      all.set(piece, at);
      file.value.receivedBytes += piece.length;
    }
    return ok({ receivedBytes: file.value.receivedBytes });
  }

  async #contents(id: string): Promise<Result<ApiResult<"fileContents">, ApiError>> {
    const file = this.#find(id);
    if (!file.ok) return file;
    const { receivedBytes, bytes, thread } = file.value;
    if (receivedBytes < bytes.length || thread !== null) {
      return err({ code: "bad-request", message: "The file is not whole yet, or was opened." });
    }
    file.value.thread = this.#start(file.value);
    return this.#ask(id, "contents", { image: bytes });
  }

  #ask<M extends keyof ForeignMethods>(
    id: string,
    method: M,
    params: ForeignMethods[M]["params"],
  ): Promise<Result<Answered<M>, ApiError>> {
    const file = this.#find(id);
    const thread = file.ok ? file.value.thread : null;
    if (!file.ok || thread === null) return Promise.resolve(err(gone()));
    this.#lastCall += 1;
    const call = { id: this.#lastCall, method, params };
    return new Promise((resolve) => {
      file.value.waiting.set(call.id, (answer) => resolve(answer as Result<Answered<M>, ApiError>));
      const transfer = "image" in params ? [params.image.buffer as ArrayBuffer] : [];
      thread.postMessage(call, transfer);
    });
  }

  #start(file: OpenFile): StoreThread {
    const thread = this.#options.spawn();
    thread.on("message", (message) => {
      const { id, result } = message as { id: number; result: Result<unknown, ApiError> };
      file.waiting.get(id)?.(result);
      file.waiting.delete(id);
    });
    const end = (reason: string): void => {
      const message = `Reading the file ended its thread (${reason}): it is damaged, or too large.`;
      for (const answer of file.waiting.values()) answer(err({ code: "too-large", message }));
      file.waiting.clear();
      if (this.#file === file) this.close();
    };
    thread.on("error", (error) => end(error.message));
    thread.on("exit", (code) => end(`code ${code}`));
    return thread;
  }

  #find(id: string): Result<OpenFile, ApiError> {
    const file = this.#file;
    if (file?.id !== id) return err(gone());
    this.#touch(file);
    return ok(file);
  }

  #touch(file: OpenFile): void {
    file.timer?.cancel();
    file.timer = this.#options.clock.after(IDLE_MS_MAX, () => this.close());
  }
}

function gone(): ApiError {
  return { code: "not-found", message: "This file is not open any more; choose it again." };
}
