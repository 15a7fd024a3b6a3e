/** Mistakes around the store, the clock and the API, made by standing in between. */
import type { Clock } from "../../electron/agent/ports.ts";
import type { CaptureOutcome, StoreMethods } from "../../electron/store-worker/messages.ts";
import { logIndex } from "../../shared/base/ids.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import type { Plant } from "./plant.ts";
import type { Engine } from "./sim-store.ts";

const SKIPPED_ENTRY = 12;

/** What was done before the snapshot may be done again. */
export const snapshotsForgetRequests: Plant = {
  engine: (engine) => {
    let loadedIndex = 0;
    return wrapEngine(engine, {
      load: (params) => {
        const result = engine.handle("load", params);
        loadedIndex = result.ok ? result.value.applied.index : 0;
        return result;
      },
      capture: ({ requests }) =>
        requests.map((request): CaptureOutcome => {
          const [outcome] = engine.handle("capture", { requests: [request] });
          const isOld =
            outcome?.ok === true &&
            outcome.value.type === "duplicate" &&
            outcome.value.position.index <= loadedIndex;
          const unknown = { ...request, client: null };
          const [again] = isOld ? engine.handle("capture", { requests: [unknown] }) : [outcome];
          return again as CaptureOutcome;
        }),
    });
  },
};

/** One member could not apply an entry and went on with the next. */
export const applyErrorIsSkipped: Plant = {
  engine: (engine, number) => {
    let dataCount = 0;
    return wrapEngine(engine, {
      apply: ({ entries }) =>
        engine.handle("apply", {
          entries: entries.map((entry) => {
            if (entry.payload !== null) dataCount++;
            const isSkipped = number % 2 === 0 && dataCount === SKIPPED_ENTRY;
            return isSkipped ? { ...entry, payload: null } : entry;
          }),
        }),
    });
  },
};

/** A query's result is kept and shown again, with the position it had. */
export const readIsOfAnOlderState: Plant = {
  engine: (engine) => {
    const kept = new Map<string, StoreMethods["query"]["result"]>();
    return wrapEngine(engine, {
      query: (params) => {
        const key = JSON.stringify([params.sql, params.params]);
        const before = kept.get(key);
        const now = engine.handle("query", params);
        kept.set(key, now);
        return before ?? now;
      },
    });
  },
};

/** Index and image are not taken together. */
export const imageIsOlderThanItsMark: Plant = {
  engine: (engine) => {
    let older: Uint8Array | null = null;
    return wrapEngine(engine, {
      image: (params) => {
        const now = engine.handle("image", params);
        const image = older ?? now.image;
        older = now.image;
        return { ...now, image };
      },
    });
  },
};

/** Timeouts and bounds run on a clock that people and time servers set. */
export const monotonicClockIsTheWallClock: Plant = {
  clock: (clock): Clock => ({
    nowMs: () => clock.wallMs(),
    wallMs: () => clock.wallMs(),
    localOffsetMs: (atWallMs) => clock.localOffsetMs(atWallMs),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  }),
};

/** A write is told as done when the leader alone has it. */
export const writeIsToldBeforeTheQuorum: Plant = {
  execute: (call) => (params) => call({ ...params, ack: "flushed" }),
};

/** The request's number is not looked at: a retry is another write. */
export const requestNumbersAreIgnored: Plant = {
  execute: (call) => (params) => {
    const { statements, ack } = params;
    return call({ statements, ...(ack === undefined ? {} : { ack }) });
  },
};

/** "I do not know" is told as "no". */
export const unknownIsToldAsRefused: Plant = {
  execute: (call) => async (params) => {
    const outcome = await call(params);
    if (outcome === null || outcome.ok || outcome.error.code !== "unknown-outcome") return outcome;
    return { ok: false, error: { ...outcome.error, code: "not-leader" } };
  },
};

/** A session's own writes may be missing from its reads. */
export const sessionTokenIsIgnored: Plant = {
  query: (call) => (params) => call({ ...params, afterIndex: 0 }),
};

/** A read with a bound is served as it is, whatever the bound. */
export const boundIsIgnored: Plant = {
  query: (call) => (params) =>
    call(params.readLevel === "bounded" ? { ...params, readLevel: "local" } : params),
};

/** The label tells where the log is instead of what was read. */
export const asOfIsTooNew: Plant = {
  query: relabelled((asOf) => ({ ...asOf, index: logIndex(asOf.index + 1) })),
};

/** Data is called newer than it is. */
export const asOfMomentIsTooNew: Plant = {
  query: relabelled((asOf) => {
    const { at } = asOf;
    return { ...asOf, at: at === null ? null : new Date(Date.parse(at) + 500).toISOString() };
  }),
};

/** Data is called current, whatever its age. */
export const lagIsAlwaysNought: Plant = {
  query: relabelled((asOf) => (asOf.lagMs === null ? asOf : { ...asOf, lagMs: 0 })),
};

type Handlers = {
  readonly [M in keyof StoreMethods]?: (
    params: StoreMethods[M]["params"],
  ) => StoreMethods[M]["result"];
};

function relabelled(label: (asOf: AsOf) => AsOf): NonNullable<Plant["query"]> {
  return (call) => async (params) => {
    const outcome = await call(params);
    if (outcome?.ok !== true) return outcome;
    return { ok: true, value: { ...outcome.value, asOf: label(outcome.value.asOf) } };
  };
}

function wrapEngine(engine: Engine, handlers: Handlers): Engine {
  return {
    handle: (method, params) => {
      const handler = handlers[method];
      return handler === undefined ? engine.handle(method, params) : handler(params);
    },
    dispose: () => engine.dispose(),
  };
}
