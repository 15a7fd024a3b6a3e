import { describe, expect, test } from "vitest";
import { AddressBook } from "../../electron/agent/transport/address-book.ts";
import { formatAddress, parseAddress } from "../../electron/agent/transport/address.ts";
import { backoffMs } from "../../electron/agent/transport/backoff.ts";
import { ConnectionGate } from "../../electron/agent/transport/connection-limits.ts";
import { Dialer } from "../../electron/agent/transport/dialer.ts";
import type { DialOutcome } from "../../electron/agent/transport/dialer.ts";
import { memberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const ada = memberId("ada");
const bob = memberId("bob");

describe("an address", () => {
  test.each(["10.0.0.1:80", "[fe80::1%eth0]:65535", "printer.local:0"])("%s is one", (text) => {
    const parsed = parseAddress(text);
    if (!parsed.ok) throw new Error(parsed.error.detail);
    expect(formatAddress(parsed.value.host, parsed.value.port)).toBe(text);
  });

  test.each([
    "",
    "host",
    "host:",
    ":80",
    "host:65536",
    "a b:1",
    "http://x:1",
    "fe80::1:80",
    "x:1:2",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toMatchObject({ error: { code: "address-malformed" } });
  });
});

describe("the address book", () => {
  test("puts the last proven address first and hearsay last", () => {
    const book = new AddressBook(null, () => undefined);
    expect(book.proven(ada, "h1:1")).toBe(true);
    expect(book.heard(ada, ["h2:2", "h1:1"])).toBe(true);
    expect(book.proven(ada, "h3:3")).toBe(true);
    expect(book.addressesOf(ada)).toEqual(["h3:3", "h1:1", "h2:2"]);
    expect(book.proven(ada, "h3:3")).toBe(false);
    expect(book.heard(ada, ["h2:2"])).toBe(false);
  });

  test("is the same after it was saved and loaded", () => {
    let saved = "";
    const book = new AddressBook(null, (json) => (saved = json));
    book.proven(ada, "h1:1");
    book.heard(bob, ["h2:2", "h3:3"]);
    const again = new AddressBook(saved, () => undefined);
    expect(again.all()).toEqual(book.all());
  });

  test("starts empty from a damaged file, and leaves out what is no address", () => {
    for (const damaged of ["", "{", "[]", "null", "7", '{"ada":7}', '{"ada bob":["h:1"]}']) {
      expect(new AddressBook(damaged, () => undefined).addressesOf(ada)).toEqual([]);
    }
    const partly = new AddressBook('{"ada":["h:1",5,"nonsense"]}', () => undefined);
    expect(partly.addressesOf(ada)).toEqual(["h:1"]);
  });

  test("is bounded whatever other members say", () => {
    const book = new AddressBook(null, () => undefined);
    const flood = Array.from({ length: 100 }, (_, i) => `h${i}:1`);
    book.heard(ada, flood);
    expect(book.addressesOf(ada)).toHaveLength(8);
    for (let i = 0; i < 200; i++) book.heard(memberId(`m${i}`), ["h:1"]);
    expect(book.all()).toHaveLength(64);
    expect(book.heard(ada, [`${"x".repeat(300)}:1`])).toBe(false);
  });

  test("forgets who left", () => {
    let saved = "";
    const book = new AddressBook(null, (json) => (saved = json));
    book.proven(ada, "h1:1");
    book.proven(bob, "h2:2");
    book.keepOnly([bob]);
    expect(JSON.parse(saved)).toEqual({ bob: ["h2:2"] });
  });
});

describe("dialling", () => {
  type Try = { readonly target: string; readonly address: string; readonly atMs: number };

  function makeDialer(addresses: Record<string, string[]>, answer: (attempt: Try) => DialOutcome) {
    const clock = new VirtualClock();
    const tries: Try[] = [];
    const dialer = new Dialer({
      clock,
      rng: seededRng(1),
      addressesOf: (target) => addresses[target] ?? [],
      dial: (target, address) => {
        const attempt = { target, address, atMs: clock.nowMs() };
        tries.push(attempt);
        return Promise.resolve(answer(attempt));
      },
    });
    async function pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 1) {
        clock.advanceTo(clock.nowMs() + 1);
        for (let turn = 0; turn < 4; turn++) await Promise.resolve();
      }
    }
    return { clock, dialer, tries, pass };
  }

  test("tries all addresses in a row before it waits, longer and longer", async () => {
    const { dialer, tries, pass } = makeDialer({ ada: ["h1:1", "h2:2"] }, () => "failed");
    dialer.want("ada");
    await pass(20_000);
    const firsts = tries.filter((each) => each.address === "h1:1").map((each) => each.atMs);
    const seconds = tries.filter((each) => each.address === "h2:2").map((each) => each.atMs);
    expect(seconds).toEqual(firsts);
    expect(firsts[0]).toBeLessThanOrEqual(80);
    const gaps = firsts.slice(1).map((atMs, i) => atMs - (firsts[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(7520);
    expect(gaps.at(-1)).toBeGreaterThan(2000);
    expect(firsts.length).toBeLessThan(15);
    dialer.close();
  });

  test("stops when it is told, and begins anew at once when something suggests it", async () => {
    const { clock, dialer, tries, pass } = makeDialer({ ada: ["h1:1"] }, () => "failed");
    dialer.want("ada");
    await pass(10_000);
    const before = tries.length;
    dialer.wantNow("ada");
    await pass(100);
    expect(tries.length).toBeGreaterThan(before);
    dialer.stop("ada");
    const stopped = tries.length;
    await pass(20_000);
    expect(tries).toHaveLength(stopped);
    expect(clock.pendingCount).toBe(0);
  });

  test("a connection that breaks at once does not start the delays from the beginning", async () => {
    const { dialer, tries, pass } = makeDialer({ ada: ["h1:1"] }, () => "reached");
    for (let round = 0; round < 6; round++) {
      const before = tries.length;
      dialer.want("ada");
      for (let waited = 0; tries.length === before && waited < 10_000; waited += 10) await pass(10);
    }
    const gaps = tries.slice(1).map((each, i) => each.atMs - (tries[i]?.atMs ?? 0));
    expect(gaps.at(-1)).toBeGreaterThan(600);
    await pass(11_000);
    const before = tries.length;
    dialer.want("ada");
    await pass(100);
    expect(tries.length).toBe(before + 1);
    dialer.close();
  });

  test("delays double, spread, and end at seven and a half seconds", () => {
    const rng = seededRng(7);
    for (let attempt = 0; attempt < 2000; attempt++) {
      const delayMs = backoffMs(attempt, rng);
      expect(delayMs).toBeGreaterThanOrEqual(Math.min(2500, 25 * 2 ** attempt));
      expect(delayMs).toBeLessThanOrEqual(Math.min(7500, 75 * 2 ** attempt));
    }
  });
});

describe("the gate for strangers", () => {
  const limits = { totalMax: 5, perHostMax: 3, perHostPerSecondMax: 10 };

  test("limits those of one host, and lets one in for each that leaves", () => {
    const gate = new ConnectionGate(limits);
    const entered = [1, 2, 3, 4].map(() => gate.tryEnter("10.0.0.1", 0));
    expect(entered).toEqual([true, true, true, false]);
    expect(gate.tryEnter("10.0.0.2", 0)).toBe(true);
    gate.leave("10.0.0.1");
    expect(gate.tryEnter("10.0.0.1", 0)).toBe(true);
  });

  test("limits all together, loopback too", () => {
    const gate = new ConnectionGate(limits);
    for (let i = 0; i < 5; i++) expect(gate.tryEnter("127.0.0.1", 0)).toBe(true);
    expect(gate.tryEnter("127.0.0.1", 0)).toBe(false);
    expect(gate.tryEnter("10.0.0.1", 0)).toBe(false);
  });

  test("limits attempts per second of a host that leaves at once", () => {
    const gate = new ConnectionGate(limits);
    const knock = (nowMs: number): boolean => {
      const isIn = gate.tryEnter("10.0.0.1", nowMs);
      if (isIn) gate.leave("10.0.0.1");
      return isIn;
    };
    const first = Array.from({ length: 20 }, () => knock(0)).filter(Boolean).length;
    expect(first).toBe(10);
    expect(knock(50)).toBe(false);
    expect(knock(150)).toBe(true);
  });

  test("forgets idle hosts instead of growing, and keeps counting busy ones", () => {
    const gate = new ConnectionGate({ ...limits, totalMax: 10_000 });
    for (let i = 0; i < 3; i++) gate.tryEnter("10.9.9.9", 0);
    for (let i = 0; i < 3000; i++) {
      gate.tryEnter(`10.1.${i >> 8}.${i & 255}`, 0);
      gate.leave(`10.1.${i >> 8}.${i & 255}`);
    }
    expect(gate.tryEnter("10.9.9.9", 1000)).toBe(false);
  });
});
