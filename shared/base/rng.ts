import { assert } from "./assert.ts";

/** Where random numbers come from. Injected, so that one seed replays a whole cluster. */
export interface Rng {
  /** A whole number, 0 to 2^32 - 1. */
  uint32(): number;
}

/**
 * A seeded generator (xoshiro128**, Blackman and Vigna 2018). Fast and good enough for
 * timeouts and simulations; never for keys or secrets.
 *
 * @param seed Any safe integer; the same seed gives the same numbers on every machine.
 */
export function seededRng(seed: number): Rng {
  assert(Number.isSafeInteger(seed), "a seed is a safe integer");
  const next = splitMix32(seed);
  let a = next();
  let b = next();
  let c = next();
  let d = next() | 1; // The state must not be all zero.
  return {
    uint32() {
      const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = rotateLeft(d, 11);
      return result;
    },
  };
}

/** A whole number from `min` to `max`, both included. The bias is below 2^-20 for spans under 4096. */
export function randomBetween(rng: Rng, min: number, max: number): number {
  assert(max >= min, "a range has min <= max");
  return min + Math.floor((rng.uint32() / 0x1_0000_0000) * (max - min + 1));
}

/** True with the given probability, 0 to 1. */
export function randomChance(rng: Rng, probability: number): boolean {
  return rng.uint32() < probability * 0x1_0000_0000;
}

/** One of the items. @param items At least one. */
export function randomPick<T>(rng: Rng, items: readonly T[]): T {
  assert(items.length > 0, "something to pick from");
  return items[randomBetween(rng, 0, items.length - 1)] as T;
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Spreads a small seed over the generator's whole state (Steele, Lea and Flood 2014). */
function splitMix32(seed: number): () => number {
  let state = (seed ^ Math.floor(seed / 0x1_0000_0000)) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}
