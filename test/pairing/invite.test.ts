import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import { joinByInvite } from "../../electron/agent/pairing/invite-joiner.ts";
import { formatInviteLink, parseInviteLink } from "../../electron/agent/pairing/invite-link.ts";
import type { InviteLink } from "../../electron/agent/pairing/invite-link.ts";
import {
  decodeInviteAnswer,
  decodeInviteRequest,
  encodeInviteAnswer,
  encodeInviteRequest,
} from "../../electron/agent/pairing/invite-messages.ts";
import type { InviteGrant } from "../../electron/agent/pairing/invite-messages.ts";
import { inviteIdOf, inviteKeyOf } from "../../electron/agent/pairing/invite-proof.ts";
import { InviteServer } from "../../electron/agent/pairing/invite-server.ts";
import type {
  InviteServerOptions,
  StoredInvite,
} from "../../electron/agent/pairing/invite-server.ts";
import type { TlsNetwork } from "../../electron/agent/transport/tls-network.ts";
import { clusterId, memberId } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import { loopbackNetwork, realClock, RecordingLogger, until } from "../transport/real-ports.ts";

const cluster = clusterId("0123456789abcdef0123456789abcdef");
const grant: InviteGrant = {
  clusterName: "Clinic",
  timeline: 1,
  seat: "mirror",
  configuration: Uint8Array.of(1, 2, 3),
  members: [{ id: memberId("someone"), addresses: ["10.0.0.1:47017"] }],
};

describe("an invite link", () => {
  const link: InviteLink = {
    clusterId: cluster,
    clusterName: "Praxis Müller",
    inviter: createEphemeralIdentity().memberId,
    secret: new Uint8Array(randomBytes(16)),
    addresses: ["192.168.1.20:47017", "[fe80::1]:47017"],
    expiresAtMs: 1_795_000_000_000,
  };

  test("says after parsing what it said before", () => {
    expect(parseInviteLink(formatInviteLink(link))).toEqual({ ok: true, value: link });
  });

  test("survives line breaks and spaces that a mail program puts in", () => {
    const text = formatInviteLink(link);
    const broken = ` ${text.slice(0, 40)}\r\n  ${text.slice(40)}\n`;
    expect(parseInviteLink(broken)).toEqual({ ok: true, value: link });
  });

  test("that lost any of its characters is damaged, not half right", () => {
    const text = formatInviteLink(link);
    for (let length = "tidemark://join/".length + 1; length < text.length; length++) {
      expect(parseInviteLink(text.slice(0, length))).toMatchObject({
        ok: false,
        error: { code: "invite-damaged" },
      });
    }
  });

  test("of a later version is told apart from a damaged one", () => {
    const later = `tidemark://join/${Buffer.of(2, 9, 9, 9, 9, 9).toString("base64url")}`;
    expect(parseInviteLink(later)).toMatchObject({ error: { code: "invite-version" } });
  });

  test("is not what anything else is", () => {
    for (const text of ["", "https://example.org", "tidemark://join/", "tidemark://join/ä"]) {
      expect(parseInviteLink(text)).toMatchObject({ error: { code: "invite-not-a-link" } });
    }
  });

  test("parsing never throws", () => {
    const payloads = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(payloads, fc.string(), (payload, text) => {
        parseInviteLink(text);
        parseInviteLink(`tidemark://join/${Buffer.from(payload).toString("base64url")}`);
      }),
    );
  });
});

describe("messages of the invite protocol", () => {
  const request = {
    type: "request" as const,
    clusterId: cluster,
    inviteId: "0011223344556677",
    joinerName: "Küche",
    proof: new Uint8Array(32).fill(7),
  };
  const answers = [
    { type: "granted" as const, ...grant, proof: new Uint8Array(32).fill(9) },
    { type: "refused" as const, code: "invite-used" as const, detail: "used" },
    { type: "moved" as const, leader: memberId("leader"), addresses: ["h:1"] },
  ];

  test("come back from their frames as they were", () => {
    expect(decodeInviteRequest(encodeInviteRequest(request))).toEqual({ ok: true, value: request });
    for (const answer of answers) {
      expect(decodeInviteAnswer(encodeInviteAnswer(answer))).toEqual({ ok: true, value: answer });
    }
  });

  test("are refused wherever they are cut off, and random bytes never throw", () => {
    const frames = answers.map(encodeInviteAnswer);
    for (const frame of frames) {
      for (let length = 0; length < frame.length; length++) {
        expect(decodeInviteAnswer(frame.subarray(0, length)).ok).toBe(false);
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeInviteAnswer(bytes);
        decodeInviteRequest(bytes);
      }),
    );
  });
});

describe("joining over TLS", () => {
  const inviter = createEphemeralIdentity();
  const joiner = createEphemeralIdentity();
  const secret = new Uint8Array(randomBytes(16));
  const key = inviteKeyOf(secret);
  let invites: Map<string, StoredInvite>;
  let networks: TlsNetwork[];
  let address: string;
  let redeemed: { readonly inviteId: string; readonly id: MemberId; readonly name: string }[];

  async function serve(
    identity = inviter,
    more: Partial<InviteServerOptions> = {},
  ): Promise<string> {
    const network = loopbackNetwork(identity);
    networks.push(network);
    const server = new InviteServer({
      self: identity.memberId,
      clusterId: cluster,
      clock: realClock,
      logger: new RecordingLogger(),
      lookup: (inviteId) => Promise.resolve(invites.get(inviteId) ?? null),
      redeem: ({ inviteId, joiner: { id, name } }) => {
        redeemed.push({ inviteId, id, name });
        invites.set(inviteId, { ...(invites.get(inviteId) as StoredInvite), usedBy: id });
        return Promise.resolve(ok(grant));
      },
      ...more,
    });
    network.onInvite((channel) => server.serve(channel));
    const listening = await network.listen({ admit: () => false, onConnection: () => undefined });
    if (!listening.ok) throw new Error(listening.error.detail);
    return listening.value;
  }

  beforeEach(async () => {
    networks = [];
    redeemed = [];
    const expiresAtMs = Date.now() + 60_000;
    invites = new Map([[inviteIdOf(key), { key, expiresAtMs, usedBy: null }]]);
    address = await serve();
  });

  afterEach(async () => {
    await Promise.all(networks.map((network) => network.close()));
  });

  function join(link: Partial<InviteLink> = {}, identity = joiner) {
    const network = loopbackNetwork(identity);
    networks.push(network);
    const whole: InviteLink = {
      clusterId: cluster,
      clusterName: "Clinic",
      inviter: inviter.memberId,
      secret,
      addresses: [address],
      expiresAtMs: 0,
      ...link,
    };
    return joinByInvite(whole, {
      self: identity.memberId,
      memberName: "Front desk",
      clock: realClock,
      dialInvite: (to, server) => network.dialInvite(to, server),
    });
  }

  const refusal = (code: string) =>
    expect.objectContaining({ ok: false, error: expect.objectContaining({ code }) });

  test("with a valid invite gives a seat and everything needed to begin", async () => {
    const joined = await join();
    const value = { ...grant, clusterId: cluster, server: inviter.memberId, address };
    expect(joined).toEqual({ ok: true, value });
    const name = "Front desk";
    expect(redeemed).toEqual([{ inviteId: inviteIdOf(key), id: joiner.memberId, name }]);
  });

  test("tries the next address when one does not answer", async () => {
    expect((await join({ addresses: ["127.0.0.1:1", address] })).ok).toBe(true);
  });

  test("works again for the same computer, whose first answer may have been lost", async () => {
    expect((await join()).ok).toBe(true);
    expect((await join()).ok).toBe(true);
  });

  test("with an invite that another computer used is refused", async () => {
    await join();
    expect(await join({}, createEphemeralIdentity())).toEqual(refusal("invite-used"));
    expect(redeemed).toHaveLength(1);
  });

  test("with an expired invite is refused", async () => {
    invites.set(inviteIdOf(key), { key, expiresAtMs: Date.now() - 1, usedBy: null });
    expect(await join()).toEqual(refusal("invite-expired"));
    expect(redeemed).toEqual([]);
  });

  test("with a wrong secret is refused as unknown", async () => {
    expect(await join({ secret: new Uint8Array(16) })).toEqual(refusal("invite-unknown"));
  });

  test("to another cluster than the asked member's is refused", async () => {
    expect(await join({ clusterId: clusterId("other") })).toEqual(refusal("wrong-cluster"));
  });

  test("sends nothing to a server with another key than the link names", async () => {
    const impostor = createEphemeralIdentity();
    const impostorAddress = await serve(impostor);
    const outcome = await join({ addresses: [impostorAddress] });
    expect(outcome).toEqual(refusal("wrong-peer"));
    expect(redeemed).toEqual([]);
  });

  test("tells when nobody answers at any address", async () => {
    expect(await join({ addresses: ["127.0.0.1:1"] })).toEqual(refusal("unreachable"));
    expect(await join({ addresses: [] })).toEqual(refusal("unreachable"));
  });

  test("goes on at the leader that the inviter names", async () => {
    const leader = createEphemeralIdentity();
    const leaderAddress = await serve(leader);
    const moved = { type: "moved" as const, leader: leader.memberId, addresses: [leaderAddress] };
    const follower = await serve(inviter, { redeem: () => Promise.resolve(err(moved)) });
    const joined = await join({ addresses: [follower] });
    expect(joined).toMatchObject({ ok: true, value: { server: leader.memberId } });
  });

  test("ends when the leader is always somebody else", async () => {
    const moved = { type: "moved" as const, leader: inviter.memberId, addresses: [] as string[] };
    const follower = await serve(inviter, { redeem: () => Promise.resolve(err(moved)) });
    moved.addresses.push(follower);
    expect(await join({ addresses: [follower] })).toEqual(refusal("no-quorum"));
  });

  test("keeps the cluster's own reason for a refusal", async () => {
    const reason = { type: "refused" as const, code: "too-many-members" as const, detail: "64" };
    const full = await serve(inviter, { redeem: () => Promise.resolve(err(reason)) });
    expect(await join({ addresses: [full] })).toEqual(refusal("too-many-members"));
  });

  test("rejects a grant that does not prove the invite", async () => {
    const other = new Uint8Array(32);
    let asked = 0;
    // The key is right for the joiner's proof and wrong for the answer.
    const twoFaced = { ...(invites.get(inviteIdOf(key)) as StoredInvite) };
    Object.defineProperty(twoFaced, "key", { get: () => (asked++ === 0 ? key : other) });
    const liar = await serve(inviter, { lookup: () => Promise.resolve(twoFaced) });
    expect(await join({ addresses: [liar] })).toEqual(refusal("answer-invalid"));
  });

  test("with a proof made for another connection is refused, and five of them lock the invite", async () => {
    const network = loopbackNetwork(joiner);
    networks.push(network);
    const replayed = encodeInviteRequest({
      type: "request",
      clusterId: cluster,
      inviteId: inviteIdOf(key),
      joinerName: "Front desk",
      proof: new Uint8Array(32),
    });
    for (let i = 0; i < 5; i++) {
      const channel = await network.dialInvite(address, inviter.memberId);
      if (!channel.ok) throw new Error(channel.error.detail);
      const frames: Uint8Array[] = [];
      channel.value.onFrame = (frame) => frames.push(frame);
      channel.value.send(replayed);
      await until(() => frames.length === 1);
      expect(decodeInviteAnswer(frames[0] ?? new Uint8Array(0))).toMatchObject({
        value: { code: "proof-invalid" },
      });
      channel.value.close("done");
    }
    expect(await join()).toEqual(refusal("proof-invalid"));
  });

  test("both ends derive the same exporter, and every connection another one", async () => {
    const seen: Uint8Array[] = [];
    networks[0]?.onInvite((channel) => seen.push(channel.exporter));
    const network = loopbackNetwork(joiner);
    networks.push(network);
    const first = await network.dialInvite(address, inviter.memberId);
    const second = await network.dialInvite(address, inviter.memberId);
    await until(() => seen.length === 2);
    if (!first.ok || !second.ok) throw new Error("no channel");
    expect(first.value.exporter).toEqual(seen[0]);
    expect(second.value.exporter).toEqual(seen[1]);
    expect(first.value.exporter).not.toEqual(second.value.exporter);
  });

  test.each([
    ["garbage", Uint8Array.of(9, 9, 9)],
    ["more than 4 KiB", new Uint8Array(5000)],
  ])("a stranger that sends %s is refused or cut off", async (_, bytes) => {
    const network = loopbackNetwork(joiner);
    networks.push(network);
    const channel = await network.dialInvite(address, inviter.memberId);
    if (!channel.ok) throw new Error(channel.error.detail);
    let ended = false;
    channel.value.onFrame = () => (ended = true);
    channel.value.onClose = () => (ended = true);
    channel.value.send(bytes);
    await until(() => ended);
    expect(redeemed).toEqual([]);
  });
});
