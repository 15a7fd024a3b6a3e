/**
 * The decoder of the wire against frames by the million: it may refuse, and do nothing else.
 *
 * What it accepts must be in its types' ranges, so it is encoded again, and decoding that must
 * give the same once more. Any exception ends the run with the frame that caused it.
 */
import { hexEncode } from "../../shared/base/bytes.ts";
import { memberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { Forwarder } from "../../electron/agent/replica/forwarder.ts";
import {
  parseIndex,
  parseJoiner,
  parseNewInvite,
  parseRemoval,
  parseTarget,
} from "../../electron/agent/members/forwarded-params.ts";
import {
  decodePeerMessage,
  encodePeerMessage,
  isInVersion,
} from "../../shared/protocol/messages.ts";
import { ok } from "../../shared/base/result.ts";
import { realClock } from "../transport/real-ports.ts";
import { FRAME_KINDS, hostileFrame, hostileParams } from "./hostile-frames.ts";
import type { FrameKind, HostileFrame } from "./hostile-frames.ts";

/** What came of a run. */
export type DecoderFigures = {
  readonly frameCount: number;
  /** Right by chance, and consistent. */
  readonly acceptedCount: number;
  /** Frames refused, by the decoder's code. */
  readonly refusedCounts: Readonly<Record<string, number>>;
  readonly kindCounts: Readonly<Record<FrameKind, number>>;
  readonly forwardedCount: number;
  readonly tookMs: number;
};

const ENDS = { from: memberId("member-a"), to: memberId("member-b") };

/** One forwarded call for so many frames. */
const FRAMES_PER_CALL = 2000;

/** @param note Called now and then with how many are done. */
export async function fuzzDecoder(
  frameCount: number,
  seed: number,
  note: (done: number) => void = () => undefined,
): Promise<DecoderFigures> {
  const rng = seededRng(seed);
  const refusedCounts: Record<string, number> = {};
  const kindCounts = Object.fromEntries(FRAME_KINDS.map((kind) => [kind, 0])) as Record<
    FrameKind,
    number
  >;
  const forwarded = forwardingMember();
  const startedAtMs = performance.now();
  let acceptedCount = 0;
  for (let i = 0; i < frameCount; i++) {
    const hostile = hostileFrame(rng);
    kindCounts[hostile.kind]++;
    const refusal = decodeOne(hostile);
    if (refusal === null) acceptedCount++;
    else refusedCounts[refusal] = (refusedCounts[refusal] ?? 0) + 1;
    if (i % FRAMES_PER_CALL === 0) {
      await forwarded.call(hostileParams(rng));
      note(i);
    }
  }
  const tookMs = performance.now() - startedAtMs;
  const forwardedCount = forwarded.count();
  return { frameCount, acceptedCount, refusedCounts, kindCounts, forwardedCount, tookMs };
}

/** @returns the code of the refusal, or null. */
function decodeOne({ frame, version, kind }: HostileFrame): string | null {
  try {
    const decoded = decodePeerMessage(frame, ENDS, version);
    if (!decoded.ok) return decoded.error.code;
    if (!isInVersion(decoded.value, version)) throw new Error("accepted a later version's message");
    const again = encodePeerMessage(decoded.value, version);
    const second = decodePeerMessage(again, ENDS, version);
    if (!second.ok) throw new Error(`what was accepted is refused: ${second.error.detail}`);
    const third = encodePeerMessage(second.value, version);
    if (Buffer.compare(third, again) !== 0) throw new Error("decoding is not stable");
    return null;
  } catch (failure) {
    throw new Error(`${kind}, version ${version}, ${hexEncode(frame)}`, { cause: failure });
  }
}

/** A member that is asked with hostile parameters, and must answer each time. */
function forwardingMember() {
  let answerCount = 0;
  let askedCount = 0;
  const parsers = [parseIndex, parseJoiner, parseNewInvite, parseRemoval, parseTarget];
  const forwarder = new Forwarder({
    clock: realClock,
    send: () => {
      answerCount++;
      return true;
    },
    serve: (_from, _method, params) => {
      const results = parsers.map((parse) => parse(params));
      return Promise.resolve(ok(results.every((result) => result === null)));
    },
  });
  return {
    count: () => answerCount,
    async call(params: Uint8Array): Promise<void> {
      const requestId = askedCount++;
      await forwarder.onRequest(ENDS.from, {
        type: "forward-request",
        requestId,
        method: "redeem",
        params,
      });
      forwarder.onReply(ENDS.from, {
        type: "forward-reply",
        requestId,
        isOk: requestId % 2 === 0,
        body: params,
      });
      if (answerCount !== askedCount) throw new Error("a forwarded call got no answer");
      if (Object.keys(Object.prototype).length > 0) throw new Error("a prototype was changed");
    },
  };
}
