import { existsSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter, bytesEqual, concatBytes, hexEncode } from "../../shared/base/bytes.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { FRAME_TYPE } from "../../shared/protocol/fields.ts";
import { FRAME_BYTES_MAX, SNAPSHOT_CHUNK_BYTES_MAX } from "../../shared/protocol/limits.ts";
import {
  decodePeerMessage,
  encodePeerMessage,
  isInVersion,
} from "../../shared/protocol/messages.ts";
import type { PeerMessage } from "../../shared/protocol/messages.ts";
import { PROTOCOL_VERSION_MAX, chooseVersion } from "../../shared/protocol/version.ts";
import { SAMPLES, SAMPLE_ENDS } from "./sample-messages.ts";

const samples = SAMPLES.flatMap(({ version, folder, messages }) =>
  Object.entries(messages).map(([name, message]) => ({ version, folder, name, message })),
);

function decode(frame: Uint8Array, version = PROTOCOL_VERSION_MAX) {
  return decodePeerMessage(frame, SAMPLE_ENDS, version);
}

function encode(message: PeerMessage, version = PROTOCOL_VERSION_MAX) {
  return encodePeerMessage(message, version);
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

describe("every message of every version", () => {
  test.each(samples)("$name of version $version comes back as it was", ({ message, version }) => {
    expect(decode(encode(message, version), version)).toEqual({ ok: true, value: message });
  });

  test.each(samples)("$name has the bytes of version $version", (sample) => {
    // A changed frame is a new protocol version, or a mistake. New messages: RECORD_GOLDEN=1.
    const { name, folder, message, version } = sample;
    const file = new URL(`../golden/${folder}/${name}.hex`, import.meta.url);
    const hex = hexEncode(encode(message, version));
    if (process.env["RECORD_GOLDEN"] === "1" && !existsSync(file)) writeFileSync(file, `${hex}\n`);
    expect(hex).toBe(readFileSync(file, "utf8").trim());
  });

  test.each(samples)("$name of version $version is read past added fields", (sample) => {
    const { message, version } = sample;
    const added = message.type === "refused" ? 0xee : 1;
    const longer = concatBytes([encode(message, version), Uint8Array.of(added, 2, 3)]);
    expect(decode(longer, version)).toEqual({ ok: true, value: message });
  });

  test.each(samples)("$name of version $version is refused wherever it is cut", (sample) => {
    const { message, version } = sample;
    const frame = encode(message, version);
    // The code of a refusal stands once more behind its text; without it, it is one of version 1.
    const end = message.type === "refused" && message.code === "barred" ? 1 : 0;
    for (let length = 0; length < frame.length - end; length++) {
      const decoded = decode(frame.subarray(0, length), version);
      expect(decoded).toMatchObject({ ok: false, error: { code: "frame-malformed" } });
    }
  });

  test("every type byte of the protocol is covered by a sample", () => {
    const seen = new Set(samples.map(({ message, version }) => encode(message, version)[0]));
    expect(seen).toEqual(new Set(Object.values(FRAME_TYPE)));
  });
});

describe("two versions side by side", () => {
  const second = SAMPLES.find(({ version }) => version === 2)?.messages ?? {};
  const isNew = (name: string): boolean => !(name in (SAMPLES[0]?.messages ?? {}));
  const newTypes = ["barred", "snapshot-offer", "snapshot-request"];

  test.each(newTypes)("%s is no message of version 1, and is not sent there", (name) => {
    const message = second[name];
    if (message === undefined) throw new Error("no sample");
    expect(isNew(name)).toBe(true);
    expect(isInVersion(message, 1)).toBe(false);
    expect(() => encode(message, 1)).toThrow("version 1");
    expect(decode(encode(message), 1)).toMatchObject({ error: { code: "frame-unknown-type" } });
  });

  test("an answer to a member of version 1 has the bytes of version 1", () => {
    for (const name of ["append-ack", "append-ack-rejected"]) {
      const message = second[name];
      const golden = readFileSync(new URL(`../golden/protocol/${name}.hex`, import.meta.url));
      if (message === undefined) throw new Error("no sample");
      expect(hexEncode(encode(message, 1))).toBe(golden.toString().trim());
    }
  });

  test("a hello of version 2 is understood by version 1, whatever the version of the link", () => {
    const message = second["hello"];
    if (message?.type !== "hello") throw new Error("no sample");
    const frame = encode(message, 1);
    expect(frame).toEqual(encode(message, 2));
    expect(decode(frame, 1)).toEqual({ ok: true, value: message });
    // What the decoder of version 1 read is the front part; its own hello states no more.
    const asFirst = { ...message, incarnation: "unstated", votedFor: "unstated" } as const;
    const front = encode({ ...asFirst, versionMax: 1 }, 1);
    const same = frame.slice(0, front.length);
    same[2] = 1;
    expect(same).toEqual(front);
  });

  test("a refusal that version 1 has no word for comes there as the nearest one", () => {
    const frame = encode({ type: "refused", code: "barred", detail: "why" }, 1);
    expect(decode(frame, 2)).toMatchObject({ value: { code: "barred", detail: "why" } });
    expect(decode(frame.subarray(0, -1), 1)).toMatchObject({
      value: { code: "duplicate-identity", detail: "why" },
    });
  });

  test("a refusal of a still later version is shown as the known one sent with it", () => {
    const frame = encode({ type: "refused", code: "barred", detail: "why" }, 2).slice();
    frame[frame.length - 1] = 200;
    expect(decode(frame)).toMatchObject({ value: { code: "duplicate-identity" } });
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
      fc.property(fc.constantFrom(...samples), changes, ({ message, version }, edits) => {
        const frame = encode(message, version).slice();
        for (const [place, value] of edits) frame[place % frame.length] = value;
        const decoded = decode(frame, version);
        if (decoded.ok) {
          expect(decode(encode(decoded.value, version), version)).toEqual(decoded);
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
      return { type: "snapshot-chunk", transferId: 1, offset: 0, bytes, crc32: 0 };
    };
    expect(decode(encode(chunk(SNAPSHOT_CHUNK_BYTES_MAX))).ok).toBe(true);
    expect(decode(encode(chunk(SNAPSHOT_CHUNK_BYTES_MAX + 1))).ok).toBe(false);
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
    const frame = encode(message);
    expect(frame.length).toBeLessThan(1.25 * 1024 * 1024);
    const decoded = decode(frame);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    expect(bytesEqual(encode(decoded.value), frame)).toBe(true);
  });

  test("of one entry of 1 MiB is written into one allocation without growing", () => {
    const frame = encode(appendOf(1, new Uint8Array(1024 * 1024)));
    expect(frame.buffer.byteLength).toBeLessThan(frame.length + 128);
  });

  test("gives payloads as views of the frame, not copies", () => {
    const frame = encode(appendOf(1, Uint8Array.of(1, 2, 3)));
    const decoded = decode(frame);
    if (!decoded.ok || decoded.value.type !== "raft") throw new Error("not decoded");
    const { message } = decoded.value;
    if (message.type !== "append") throw new Error("not an append");
    expect(message.entries[0]?.payload.buffer).toBe(frame.buffer);
  });

  test("takes sender and receiver from the connection, whatever the sender claims", () => {
    const frame = encode(appendOf(0, new Uint8Array(0)));
    const ends = { from: SAMPLE_ENDS.to, to: SAMPLE_ENDS.from };
    expect(decodePeerMessage(frame, ends, 1)).toMatchObject({ value: { message: ends } });
  });
});

describe("the protocol version", () => {
  test("is the highest both speak, and none when the ranges do not meet", () => {
    expect(chooseVersion({ min: 1, max: 3 }, { min: 2, max: 5 })).toBe(3);
    expect(chooseVersion({ min: 2, max: 2 }, { min: 1, max: 2 })).toBe(2);
    expect(chooseVersion({ min: 1, max: 1 }, { min: 2, max: 5 })).toBeNull();
  });
});
