/**
 * Short stories in which one planted bug shows, for bugs that random histories meet too rarely:
 * each needs several events in one order, or only wastes time instead of losing data.
 */
import { readFileSync } from "node:fs";
import { logIndex } from "../../shared/base/ids.ts";
import type { RaftFaults } from "../../shared/raft/faults.ts";
import {
  CoreFixture,
  N1,
  N2,
  N3,
  acknowledge,
  at,
  configurationOf,
  entry,
  to,
} from "./core-fixture.ts";
import { runScenario } from "./scenario.ts";

const THREE = configurationOf([N1, N2, N3]);

/** What is seen in the end. The same with and without a bug: the bug stays unnoticed. */
export type Story = (faults: RaftFaults) => unknown;

/** By bug. */
export const DIRECTED: Partial<Record<keyof RaftFaults, Story>> = {
  noCheckQuorum: scenario("lost-quorum"),
  noLease: scenario("one-way"),
  leadWithStuckDisk: scenario("slow-disk"),
  changeBeforeOwnTermCommit: scenario("ongaro-2015"),
  ignoreIncarnation: scenario("seats-untold"),
  barredGoesOn: scenario("seats"),
  neverCompareAgain: scenario("restart-in-term"),

  refusalResetsTimer: (faults) => {
    const core = new CoreFixture(THREE, [1, 2], 2, faults);
    for (let round = 0; round < 40; round++) {
      core.wait(100);
      const last = at(1, 1);
      core.step({ ...to(3, N3), type: "vote-request", preVote: true, last, transfer: false });
    }
    return core.sentOf("vote-request").length > 0;
  },

  stallIsSilence: (faults) => {
    const core = new CoreFixture(THREE, [], 0, faults);
    core.run((raft) => raft.advance(60_000));
    return core.sent();
  },

  twoChangesAtOnce: (faults) => {
    const core = new CoreFixture(THREE, [], 0, { ...faults, skipInvariants: true });
    core.lead();
    acknowledge(core, 1);
    const first = core.run((raft) => raft.changeConfiguration({ type: "remove", id: N3 }));
    const second = core.run((raft) => raft.changeConfiguration({ type: "demote", id: N2 }));
    return [first.ok, second.ok];
  },

  keepConfigurationOnTruncation: (faults) => {
    const core = new CoreFixture(THREE, [], 0, { ...faults, skipInvariants: true });
    core.lead();
    acknowledge(core, 1);
    acknowledge(core, 1, { from: N3 });
    core.run((raft) => raft.changeConfiguration({ type: "demote", id: N3 }));
    const append = { type: "append", commitIndex: logIndex(0), previous: at(1, 1) } as const;
    core.step({ ...to(2, N3), ...append, entries: [entry(2, 2)] });
    return core.node.status.configuration;
  },

  forgetMatch: (faults) => {
    const core = new CoreFixture(THREE, [1, 1, 1], 1, { ...faults, skipInvariants: true });
    core.lead();
    acknowledge(core, 4);
    const late = { accepted: false, rejectedIndex: logIndex(2), hint: at(1, 1) } as const;
    core.step({ ...to(2), type: "append-ack", incarnation: 0, ...late });
    return core.node.status.progress;
  },

  readJoinsRunningRound: (faults) => {
    const core = new CoreFixture(THREE, [], 0, faults);
    core.lead();
    acknowledge(core, 1);
    core.wait(100);
    const round = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    core.run((raft) => raft.readIndex(1));
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round });
    return core.reads;
  },

  acceptOldSnapshot: (faults) => {
    const core = new CoreFixture(THREE, [1, 1], 1, { ...faults, skipInvariants: true });
    const commitIndex = logIndex(2);
    core.step({ ...to(1), type: "append", previous: at(1, 2), entries: [], commitIndex });
    const mark = { position: at(1, 1), configuration: THREE };
    core.run((raft) => raft.receiveSnapshot(mark, N2, 1));
    return core.node.status;
  },

  keepAcksAcrossTerms: (faults) => {
    const core = new CoreFixture(THREE, [], 0, faults);
    const append = { type: "append", commitIndex: logIndex(0) } as const;
    core.step({ ...to(1), ...append, previous: at(0, 0), entries: [entry(1, 1)] });
    core.step({ ...to(1), ...append, previous: at(1, 1), entries: [entry(1, 2)] });
    core.step({ ...to(2, N3), ...append, previous: at(1, 1), entries: [entry(2, 2)] });
    core.node.finishPersist();
    core.node.finishPersist();
    return core.sentOf("append-ack");
  },
};

function scenario(name: string): Story {
  const text = readFileSync(new URL(`scenarios/${name}.txt`, import.meta.url), "utf8");
  return (faults) => runScenario(text, faults);
}
