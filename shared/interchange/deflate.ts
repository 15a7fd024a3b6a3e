/** Deflate and its inverse as the platform has them: in C++, in pieces, without a library. */

type Sink = {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason: unknown): Promise<void>;
};
type Reader = {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
  cancel(): Promise<void>;
};
type Pipe = {
  readonly writable: { getWriter(): Sink };
  readonly readable: { getReader(): Reader };
};

// In Node 20 and every browser we use, and typed differently in each.
declare const DecompressionStream: new (format: "deflate-raw") => Pipe;
declare const CompressionStream: new (format: "deflate-raw") => Pipe;

/** What deflated bytes stand for. @throws when they are not deflated bytes. */
export function inflated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return piped(chunks, new DecompressionStream("deflate-raw"));
}

/** The bytes, smaller. */
export function deflated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return piped(chunks, new CompressionStream("deflate-raw"));
}

async function* piped(chunks: AsyncIterable<Uint8Array>, pipe: Pipe): AsyncGenerator<Uint8Array> {
  const sink = pipe.writable.getWriter();
  const reader = pipe.readable.getReader();
  let isLeft = false;
  const feeding = feed(chunks, sink, () => isLeft);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) break;
      yield value;
    }
    const problem = await feeding;
    if (problem !== null) throw problem;
  } finally {
    isLeft = true;
    await reader.cancel().catch(ignored);
    await feeding;
  }
}

/** @returns what went wrong: a failure here also ends the reader, which tells it first. */
async function feed(
  chunks: AsyncIterable<Uint8Array>,
  sink: Sink,
  isLeft: () => boolean,
): Promise<Error | null> {
  try {
    for await (const chunk of chunks) {
      if (isLeft()) break;
      await sink.write(chunk);
    }
    await sink.close();
    return null;
  } catch (cause) {
    await sink.abort(cause).catch(ignored);
    return isLeft() ? null : cause instanceof Error ? cause : new Error(String(cause));
  }
}

/** The stream failed already, and told so where it is read. */
function ignored(): undefined {
  return undefined;
}
