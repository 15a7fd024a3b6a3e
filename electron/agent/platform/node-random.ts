import { randomBytes } from "node:crypto";
import type { Rng } from "../../../shared/base/rng.ts";
import type { Random } from "../ports.ts";

/** Unpredictable numbers from the operating system. */
export class NodeRandom implements Random {
  readonly rng: Rng = { uint32: () => randomBytes(4).readUInt32LE(0) };

  bytes(count: number): Uint8Array {
    return new Uint8Array(randomBytes(count));
  }
}
