/** Every bound of the API servers in one place; bytes and ms. */
export type ApiLimits = {
  /** Body of `insertRows`: the largest transaction the store takes. */
  readonly bulkBodyBytesMax: number;
  /** Body of every other request. */
  readonly bodyBytesMax: number;
  /** A request must have arrived whole within this time, or it is answered 408. */
  readonly requestMs: number;
  /** The same for the headers alone. */
  readonly headersMs: number;
  /** How often Node looks for connections that exceed the two above. */
  readonly checkEveryMs: number;
  readonly connectionCountMax: number;
  /** Requests of one WebSocket or port that wait for their answers; more are refused as `busy`. */
  readonly pendingCountMax: number;
  /** Above this many unsent bytes, events wait (and are merged) instead of being queued. */
  readonly eventBufferBytes: number;
  /** Above this many unsent bytes, the client is taken for dead and its connection is closed. */
  readonly bufferBytesMax: number;
};

/** What the product uses; tests lower single ones. */
export const API_LIMITS: ApiLimits = {
  bulkBodyBytesMax: 64 * 1024 * 1024,
  bodyBytesMax: 8 * 1024 * 1024,
  requestMs: 60_000,
  headersMs: 10_000,
  checkEveryMs: 5_000,
  connectionCountMax: 256,
  pendingCountMax: 128,
  eventBufferBytes: 256 * 1024,
  // A backup of a full-size database is one reply, so this must stay above the largest image.
  bufferBytesMax: 768 * 1024 * 1024,
};
