import { existsSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter, bytesEqual, concatBytes, hexEncode } from "../../shared/base/bytes.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { FRAME_TYPE } from "../../shared/protocol/fields.ts";
import { FRAME_BYTES_MAX, SNAPSHOT_CHUNK_BYTES_MAX } from "../../shared/protocol/limits.ts";
import { decodePeerMessage, encodePeerMessage } from "../../shared/protocol/messages.ts";
import type { PeerMessage } from "../../shared/protocol/messages.ts";
import { chooseVersion } from "../../shared/protocol/version.ts";
import { SAMPLE_ENDS, SAMPLE_MESSAGES } from "./sample-messages.ts";

const samples = Object.entries(SAMPLE_MESSAGES);

function decode(frame: Uint8Array) {
  return decodePeerMessage(frame, SAMPLE_ENDS);
}

function appendOf(count: number, payload: Uint8Array): PeerMessage {
  const entries = Array.from({ length: count }, (_, i) => ({
    term: term(1),
    index: logIndex(i + 1),
    kind: "data" as const,
    payload,
  }));
  const previous = { term: term(1), index: logIndex(0) };
  const commitIndex = logIndex(0);
  const envelope = { type: "append" as const, ...SAMPLE_ENDS, term: term(1) };
  return { type: "raft", message: { ...envelope, previous, entries, commitIndex } };
}

describe("every message", () => {
  test.each(samples)("%s comes back from its frame as it was", (_, message) => {
    expect(decode(encodePeerMessage(message))).toEqual({ ok: true, value: message });
  });

  test.each(samples)("%s has the bytes of protocol version 1", (name, message) => {
    // A changed frame is a new protocol version, or a mistake. New messages: RECORD_GOLDEN=1.
    const file = new URL(`../golden/protocol/${name}.hex`, import.meta.url);
    const hex = hexEncode(encodePeerMessage(message));
    if (process.env["RECORD_GOLDEN"] === "1" && !existsSync(file)) writeFileSync(file, `${hex}\n`);
    expect(hex).toBe(readFileSync(file, "utf8").trim());
  });

  test.each(samples)("%s is read past fields that a later version added", (_, message) => {
    const longer = concatBytes([encodePeerMessage(message), Uint8Array.of(1, 2, 3)]);
    expect(decode(longer)).toEqual({ ok: true, value: message });
  });

  test.each(samples)("%s is refused wherever it is cut off", (_, message) => {
    const frame = encodePeerMessage(message);
    for (let length = 0; length < frame.length; length++) {
      const decoded = decode(frame.subarray(0, length));
      expect(decoded).toMatchObject({ ok: false, error: { code: "frame-malformed" } });
    }
  });

  test("every type byte of the protocol is covered by a sample", () => {
    const seen = new Set(samples.map(([, message]) => encodePeerMessage(message)[0]));
    expect(seen).toEqual(new Set(Object.values(FRAME_TYPE)));
  });
});

describe("frames from a broken or hostile member", () => {
  test("random bytes never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (frame) => {
        decode(frame);
      }),
      { numRuns: 5000 },
    );
  });

  test("random bytes behind a known type never throw", () => {
    const types = fc.constantFrom(...Object.values(FRAME_TYPE));
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 200 }), (type, rest) => {
        decode(concatBytes([Uint8Array.of(type), rest]));
      }),
      { numRuns: 20_000 },
    );
  });

  test("a frame with changed bytes never throws, and what is accepted can be sent on", () => {
    const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...samples), changes, ([, message], edits) => {
        const frame = encodePeerMessage(message).slice();
        for (const [place, value] of edits) frame[place % frame.length] = value;
        const decoded = decode(frame);
        if (decoded.ok) {
          expect(decode(encodePeerMessage(decoded.value))).toEqual(decoded);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  test("an unknown type is told apart from a malformed frame", () => {
    expect(decode(Uint8Array.of(0xee))).toMatchObject({ error: { code: "frame-unknown-type" } });
    expect(decode(Uint8Array.of())).toMatchObject({ error: { code: "frame-malformed" } });
  });

  test("a frame above the limit is refused without being read", () => {
    const frame = new Uint8Array(FRAME_BYTES_MAX + 1);
    expect(decode(frame)).toMatchObject({ error: { code: "frame-too-large" } });
  });

  test("a list that announces more than the frame holds takes no memory", () => {
    const frame = new ByteWriter().uint8(FRAME_TYPE.addresses).varint(60).finish();
    expect(decode(frame)).toMatchObject({ error: { code: "frame-malformed" } });
  });

  test("a chunk above its limit is refused, one at the limit is not", () => {
    const chunk = (length: number): PeerMessage => {
      const bytes = new Uint8Array(length);
      return { type: "snapshot-chunk", transferId: 1, offset: 0, bytes };
    };
    expect(decode(encodePeerMessage(chunk(SNAPSHOT_CHUNK_BYTES_MAX))).ok).toBe(true);
    expect(decode(encodePeerMessage(chunk(SNAPSHOT_CHUNK_BYTES_MAX + 1))).ok).toBe(false);
  });

  test("an index that would leave the safe integers is malformed", () => {
    const largest = Number.MAX_SAFE_INTEGER;
    const writer = new ByteWriter().uint8(FRAME_TYPE.append).varint(1).varint(1).varint(largest);
    const frame = writer.varint(0).varint(1).uint8(2).varint(0).bytes(Uint8Array.of(1)).finish();
    expect(decode(frame)).toMatchObject({ error: { code: "frame-malformed" } });
  });
});

describe("an append", () => {
  test("of 1 MiB in small entries fits into one frame", () => {
    const message = appendOf(65_536, new Uint8Array(16));
    const frame = encodePeerMessage(message);
    expect(frame.length).toBeLessThan(1.25 * 1024 * 1024);
    const decoded = decode(frame);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    expect(bytesEqual(encodePeerMessage(decoded.value), frame)).toBe(true);
  });

  test("of one entry of 1 MiB is written into one allocation without growing", () => {
    const frame = encodePeerMessage(appendOf(1, new Uint8Array(1024 * 1024)));
    expect(frame.buffer.byteLength).toBeLessThan(frame.length + 128);
  });

  test("gives payloads as views of the frame, not copies", () => {
    const frame = encodePeerMessage(appendOf(1, Uint8Array.of(1, 2, 3)));
    const decoded = decode(frame);
    if (!decoded.ok || decoded.value.type !== "raft") throw new Error("not decoded");
    const { message } = decoded.value;
    if (message.type !== "append") throw new Error("not an append");
    expect(message.entries[0]?.payload.buffer).toBe(frame.buffer);
  });

  test("takes sender and receiver from the connection, whatever the sender claims", () => {
    const frame = encodePeerMessage(appendOf(0, new Uint8Array(0)));
    const ends = { from: SAMPLE_ENDS.to, to: SAMPLE_ENDS.from };
    expect(decodePeerMessage(frame, ends)).toMatchObject({ value: { message: ends } });
  });
});

describe("the protocol version", () => {
  test("is the highest both speak, and none when the ranges do not meet", () => {
    expect(chooseVersion({ min: 1, max: 3 }, { min: 2, max: 5 })).toBe(3);
    expect(chooseVersion({ min: 2, max: 2 }, { min: 1, max: 2 })).toBe(2);
    expect(chooseVersion({ min: 1, max: 1 }, { min: 2, max: 5 })).toBeNull();
  });
});
