/**
 * Frames that no correct member sends, made from ones that a correct member does.
 *
 * Seeded, so the same numbers give the same frames. Most of them are nearly right: a decoder
 * that survives noise may still trip over a length that is one too large.
 */
import { utf8Encode } from "../../shared/base/bytes.ts";
import { randomBetween, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { FRAME_TYPE } from "../../shared/protocol/fields.ts";
import { encodePeerMessage } from "../../shared/protocol/messages.ts";
import type { PeerMessage } from "../../shared/protocol/messages.ts";
import { SAMPLES } from "../protocol/sample-messages.ts";

/** A frame, the version its receiver believes, and how it was made. */
export type HostileFrame = {
  readonly frame: Uint8Array;
  readonly version: number;
  readonly kind: FrameKind;
};

const TYPE_BYTES: readonly number[] = Object.values(FRAME_TYPE);

/** Right frames of every version, to be spoiled. */
const CORPUS: readonly { readonly version: number; readonly frame: Uint8Array }[] = [
  ...SAMPLES.flatMap(({ version, messages }) =>
    Object.values(messages).map((message) => ({
      version,
      frame: encodePeerMessage(message, version),
    })),
  ),
  ...forwardedCalls().map((message) => ({ version: 2, frame: encodePeerMessage(message, 2) })),
];

/** Variable-length numbers at and beyond every edge, not all of them minimal or legal. */
const ODD_NUMBERS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0x80, 0x80, 0x80, 0x00],
  [0x80, 0x80, 0x80, 0x01],
  [0x80, 0x80, 0x40],
  [0x7f],
  [0x00],
];

/** NaN with and without a payload, infinities, -0, and the smallest and largest numbers. */
const ODD_REALS: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
  [1, 2, 3, 4, 5, 6, 0xf7, 0xff],
  [0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
  [0, 0, 0, 0, 0, 0, 0xf0, 0xff],
  [0, 0, 0, 0, 0, 0, 0, 0x80],
  [1, 0, 0, 0, 0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xef, 0x7f],
];

const MAKERS = {
  noise: (rng) => bytesOf(rng, randomBelow(rng, 300)),
  "noise behind a type": (rng) => join(Uint8Array.of(typeOf(rng)), bytesOf(rng, 200)),
  "changed bytes": (rng, frame) => {
    const changed = frame.slice();
    for (let i = randomBetween(rng, 1, 4); i > 0; i--) {
      if (changed.length > 0) changed[randomBelow(rng, changed.length)] = randomBelow(rng, 256);
    }
    return changed;
  },
  "changed bit": (rng, frame) => {
    const at = randomBelow(rng, frame.length);
    const changed = frame.slice();
    changed[at] = (changed[at] ?? 0) ^ (1 << randomBelow(rng, 8));
    return changed;
  },
  "cut off": (rng, frame) => frame.subarray(0, randomBelow(rng, frame.length)),
  "bytes behind": (rng, frame) => join(frame, bytesOf(rng, randomBetween(rng, 1, 40))),
  "odd number inside": (rng, frame) => splice(rng, frame, randomPick(rng, ODD_NUMBERS)),
  "odd real inside": (rng, frame) => splice(rng, frame, randomPick(rng, ODD_REALS)),
  "another type": (rng, frame) => {
    const changed = frame.slice();
    changed[0] = typeOf(rng);
    return changed;
  },
  "two halves": (rng, frame) => {
    const other = randomPick(rng, CORPUS).frame;
    const head = frame.subarray(0, randomBelow(rng, frame.length));
    return join(head, other.subarray(randomBelow(rng, other.length)));
  },
  "part repeated": (rng, frame) => {
    const from = randomBelow(rng, frame.length);
    return join(frame, frame.subarray(from));
  },
} as const satisfies Record<string, (rng: Rng, frame: Uint8Array) => Uint8Array>;

/** How a frame was spoiled. */
export type FrameKind = keyof typeof MAKERS;

/** Every way. */
export const FRAME_KINDS = Object.keys(MAKERS) as readonly FrameKind[];

/** One hostile frame. A few of them come out right by chance. */
export function hostileFrame(rng: Rng): HostileFrame {
  const kind = randomPick(rng, FRAME_KINDS);
  const { frame, version } = randomPick(rng, CORPUS);
  // Now and then a frame of one version reaches a decoder of the other.
  const believed = randomBelow(rng, 4) === 0 ? 3 - version : version;
  return { frame: MAKERS[kind](rng, frame), version: believed, kind };
}

/** A right frame, for whoever wants to begin well. */
export function rightFrame(rng: Rng): Uint8Array {
  return randomPick(rng, CORPUS).frame;
}

/** Parameters of forwarded calls that a careless parser would trip over. */
export function hostileParams(rng: Rng): Uint8Array {
  const depth = randomBetween(rng, 1, 60_000);
  const texts = [
    `{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"to":"x"}}}`,
    `{"id":{"toString":1},"role":["admin"],"expiresAtMs":1e999}`,
    `{"index":-1}`,
    `{"index":9007199254740993}`,
    `{"index":"5"}`,
    `{"to":{"length":1e9}}`,
    `{"member":null}`,
    `"${"\\ud800".repeat(100)}"`,
    "[".repeat(depth),
    `${"[".repeat(depth)}${"]".repeat(depth)}`,
    `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
    "nul",
    "",
    "NaN",
    `{"name":"${"x".repeat(randomBelow(rng, 5000))}"}`,
  ];
  return utf8Encode(randomPick(rng, texts));
}

function forwardedCalls(): PeerMessage[] {
  const texts = ['{"__proto__":{"to":"x"}}', `${"[".repeat(500)}${"]".repeat(500)}`, "{"];
  const methods = ["rows", "__proto__", "constructor", "checksum-at", "redeem"];
  return texts.flatMap((text, i) =>
    methods.map((method) => ({
      type: "forward-request" as const,
      requestId: i,
      method,
      params: utf8Encode(text),
    })),
  );
}

function splice(rng: Rng, frame: Uint8Array, part: readonly number[]): Uint8Array {
  const at = randomBelow(rng, frame.length + 1);
  const replaced = randomBelow(rng, 3) === 0 ? 0 : Math.min(part.length, frame.length - at);
  return join(join(frame.subarray(0, at), Uint8Array.from(part)), frame.subarray(at + replaced));
}

function typeOf(rng: Rng): number {
  return randomPick(rng, TYPE_BYTES);
}

function bytesOf(rng: Rng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => randomBelow(rng, 256));
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** From 0 up to, not including, `count`. */
function randomBelow(rng: Rng, count: number): number {
  return count <= 1 ? 0 : randomBetween(rng, 0, count - 1);
}
