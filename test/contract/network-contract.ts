/**
 * What every Network must do, the real one and the simulator's. A factory makes members that
 * can reach each other; `settle` lets everything under way happen (on virtual time: advances it).
 */
import { afterEach, describe, expect, test } from "vitest";
import type { Connection, DialError, Network } from "../../electron/agent/ports.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";

/** One member of the contract's small world. */
export type ContractMember = { readonly id: MemberId; readonly network: Network };

/** How to make a world, and how time passes in it. */
export type NetworkWorld = {
  /** Three members, not listening yet. */
  readonly members: () => Promise<readonly [ContractMember, ContractMember, ContractMember]>;
  /** Resolves once the condition holds; fails after some seconds of the world's time. */
  readonly until: (condition: () => boolean) => Promise<void>;
  /** Carries out a promise of the network, moving time along where that is needed. */
  readonly run: <T>(work: Promise<T>) => Promise<T>;
  /** An address at which nobody listens. */
  readonly emptyAddress: string;
};

type Heard = {
  readonly connection: Connection;
  readonly frames: number[][];
  reason: string | null;
};

function listenTo(connection: Connection): Heard {
  const heard: Heard = { connection, frames: [], reason: null };
  connection.onFrame = (frame) => {
    if (frame.constructor !== Uint8Array) throw new Error("a frame is a plain Uint8Array");
    heard.frames.push([...frame]);
  };
  connection.onClose = (reason) => {
    if (heard.reason !== null) throw new Error("onClose was called twice");
    heard.reason = reason;
  };
  return heard;
}

/** Runs the suite. */
export function networkContract(name: string, world: () => NetworkWorld): void {
  describe(`network contract: ${name}`, () => {
    const opened: Network[] = [];
    afterEach(async () => {
      const { run } = world();
      await Promise.all(opened.splice(0).map((network) => run(network.close())));
    });

    async function pair() {
      const { members, run } = world();
      const [a, b, c] = await members();
      opened.push(a.network, b.network, c.network);
      const accepted: Heard[] = [];
      const admitted = new Set<MemberId>([a.id, b.id]);
      const listening = await run(
        a.network.listen({
          admit: (peer) => admitted.has(peer),
          onConnection: (connection) => accepted.push(listenTo(connection)),
        }),
      );
      if (!listening.ok) throw new Error(listening.error.detail);
      return { a, b, c, accepted, admitted, address: listening.value };
    }

    async function connect(from: ContractMember, address: string, to: MemberId | null) {
      const dialled = await world().run(from.network.dial(address, to));
      if (!dialled.ok) throw new Error(`${dialled.error.code}: ${dialled.error.detail}`);
      return listenTo(dialled.value);
    }

    function codeOf(result: Result<Connection, DialError>): string {
      return result.ok ? "connected" : result.error.code;
    }

    test("both ends of a connection know the other by its proven id", async () => {
      const { a, b, accepted, address } = await pair();
      const dialled = await connect(b, address, a.id);
      await world().until(() => accepted.length === 1);
      expect(dialled.connection.peer).toBe(a.id);
      expect(dialled.connection.isDialer).toBe(true);
      expect(accepted[0]?.connection.peer).toBe(b.id);
      expect(accepted[0]?.connection.isDialer).toBe(false);
      expect(a.network.listenAddress).toBe(address);
    });

    test("frames arrive whole, in order, in both directions", async () => {
      const { a, b, accepted, address } = await pair();
      const dialled = await connect(b, address, a.id);
      await world().until(() => accepted.length === 1);
      const sent = Array.from({ length: 200 }, (_, i) => [i, i % 7]);
      for (const frame of sent) dialled.connection.send(Uint8Array.from(frame));
      for (const frame of sent) accepted[0]?.connection.send(Uint8Array.from(frame));
      await world().until(
        () => accepted[0]?.frames.length === 200 && dialled.frames.length === 200,
      );
      expect(accepted[0]?.frames).toEqual(sent);
      expect(dialled.frames).toEqual(sent);
    });

    test("a frame sent by the accepting side at once is not lost", async () => {
      const { members, run, until } = world();
      const [a, b, c] = await members();
      opened.push(a.network, b.network, c.network);
      const listening = await run(
        a.network.listen({
          admit: () => true,
          onConnection: (connection) => {
            listenTo(connection);
            connection.send(Uint8Array.of(42));
          },
        }),
      );
      if (!listening.ok) throw new Error(listening.error.detail);
      const dialled = await connect(b, listening.value, a.id);
      await until(() => dialled.frames.length === 1);
      expect(dialled.frames).toEqual([[42]]);
    });

    test("what was sent before closing arrives, then the other side hears why", async () => {
      const { a, b, accepted, address } = await pair();
      const dialled = await connect(b, address, a.id);
      await world().until(() => accepted.length === 1);
      dialled.connection.send(Uint8Array.of(1));
      dialled.connection.close("going to sleep");
      await world().until(() => accepted[0]?.reason !== null && dialled.reason !== null);
      expect(accepted[0]?.frames).toEqual([[1]]);
      expect(accepted[0]?.reason).toBe("going to sleep");
      expect(dialled.reason).toBe("going to sleep");
    });

    test("sending and closing after the end does nothing", async () => {
      const { a, b, accepted, address } = await pair();
      const dialled = await connect(b, address, a.id);
      await world().until(() => accepted.length === 1);
      accepted[0]?.connection.close("enough");
      await world().until(() => dialled.reason !== null);
      dialled.connection.send(Uint8Array.of(1));
      dialled.connection.close("again");
      expect(dialled.reason).toBe("enough");
      expect(dialled.connection.bufferedBytes).toBe(0);
    });

    test("a key that is not admitted gets no connection, and the dialer is told", async () => {
      const { a, c, accepted, address } = await pair();
      const result = await world().run(c.network.dial(address, a.id));
      expect(codeOf(result)).toBe("not-a-member");
      expect(accepted).toEqual([]);
    });

    test("another key than the expected one is a wrong peer", async () => {
      const { b, c, address } = await pair();
      expect(codeOf(await world().run(b.network.dial(address, c.id)))).toBe("wrong-peer");
    });

    test("an address of unknown owner is taken if its owner is admitted here", async () => {
      const { a, b, admitted, address } = await pair();
      const options = { admit: (peer: MemberId) => peer === a.id, onConnection: listenTo };
      await world().run(b.network.listen(options));
      const dialled = await connect(b, address, null);
      expect(dialled.connection.peer).toBe(a.id);
      expect(admitted.has(b.id)).toBe(true);
    });

    test("an address of unknown owner is refused if its owner is not admitted here", async () => {
      const { b, address } = await pair();
      await world().run(b.network.listen({ admit: () => false, onConnection: listenTo }));
      expect(codeOf(await world().run(b.network.dial(address, null)))).toBe("not-a-member");
    });

    test("nobody at an address is unreachable", async () => {
      const { b, c } = await pair();
      const result = await world().run(b.network.dial(world().emptyAddress, c.id));
      expect(codeOf(result)).toBe("unreachable");
    });

    test("closing the network ends its connections on both sides", async () => {
      const { a, b, accepted, address } = await pair();
      const dialled = await connect(b, address, a.id);
      await world().until(() => accepted.length === 1);
      await world().run(a.network.close());
      await world().until(() => dialled.reason !== null);
      expect(codeOf(await world().run(b.network.dial(address, a.id)))).toBe("unreachable");
    });
  });
}
