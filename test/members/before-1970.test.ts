import { expect, it } from "vitest";
import { makeInvite } from "../../electron/agent/members/invitation.ts";
import { founderRecord } from "../../electron/agent/members/first-run.ts";
import { parseInviteLink } from "../../electron/agent/pairing/invite-link.ts";
import type { Ports } from "../../electron/agent/ports.ts";
import { storedTimeOf } from "../../electron/agent/stored-time.ts";
import { clusterId, memberId } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const self = memberId("a".repeat(52));
const record = founderRecord({ id: clusterId("c0ffee"), name: "Clinic", self, memberName: "Desk" });

it("a computer whose clock is set before 1970 stores 1970, and invites all the same", async () => {
  const clock = new VirtualClock({ wallMs: Date.UTC(1966, 0, 1) });
  expect(storedTimeOf(clock)).toBe(0);
  const ports = {
    clock,
    random: { bytes: (count: number) => new Uint8Array(count).fill(7) },
    network: { listenAddress: "127.0.0.1:1" },
  } as unknown as Pick<Ports, "clock" | "random" | "network">;
  const params = { expiresMs: 60_000 };
  const recordInvite = () => Promise.resolve(ok(null));
  const made = await makeInvite({ params, record, self, ports, recordInvite });
  if (!made.ok) throw new Error(made.error.message);
  expect(parseInviteLink(made.value.link)).toMatchObject({ value: { expiresAtMs: 60_000 } });
});
