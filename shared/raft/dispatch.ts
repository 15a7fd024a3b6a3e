import { unreachable } from "../base/assert.ts";
import { seatOf } from "./configuration.ts";
import { handleVoteReply, handleVoteRequest } from "./election.ts";
import { handleAppend, handleHeartbeat } from "./following.ts";
import { handleReadIndex, handleReadIndexReply } from "./reads.ts";
import { handleAppendAck, handleHeartbeatAck } from "./replication.ts";
import { TERM_MAX } from "./limits.ts";
import { becomeFollower } from "./roles.ts";
import type { Core } from "./state.ts";
import { handleTimeoutNow } from "./transfer.ts";
import type { RaftMessage } from "./types.ts";

type MessageInTerm = Exclude<
  RaftMessage,
  { readonly type: "vote-request" } | { readonly type: "vote-reply" }
>;

/**
 * The one door for messages. Terms are compared here, for every kind but votes, whose terms
 * speak of the future. A leader's messages are taken from anyone: it may have joined after the
 * last configuration this member heard of. Everything else from strangers is ignored.
 */
export function dispatch(core: Core, message: RaftMessage): void {
  if (message.to !== core.id || message.from === core.id) return;
  if (message.term > TERM_MAX) {
    core.raiseAlarm("impossible-message", message.from, `the term ${message.term}`);
    return;
  }
  if (message.type === "vote-request") handleVoteRequest(core, message);
  else if (message.type === "vote-reply") handleVoteReply(core, message);
  else dispatchInTerm(core, message);
}

function dispatchInTerm(core: Core, message: MessageInTerm): void {
  const isFromLeader = message.type === "append" || message.type === "heartbeat";
  // A leader that removed itself is no stranger yet: its last word names a successor.
  const isTrusted = isFromLeader || message.from === core.leader;
  if (!isTrusted && seatOf(core.configuration, message.from) === undefined) return;
  if (message.term < core.term) {
    if (isFromLeader) tellTerm(core, message.from);
    return;
  }
  if (message.term > core.term) {
    const isAnswer = message.type === "append-ack" || message.type === "heartbeat-ack";
    if (isAnswer && core.faults.ignoreTermInAnswers) return;
    becomeFollower(core, message.term, isFromLeader ? message.from : null);
  }
  handle(core, message);
}

function handle(core: Core, message: MessageInTerm): void {
  switch (message.type) {
    case "append":
      return handleAppend(core, message);
    case "heartbeat":
      return handleHeartbeat(core, message);
    case "append-ack":
      if (core.role.name === "leader") handleAppendAck(core, core.role, message);
      return;
    case "heartbeat-ack":
      if (core.role.name === "leader") handleHeartbeatAck(core, core.role, message);
      return;
    case "timeout-now":
      return handleTimeoutNow(core, message);
    case "read-index":
      return handleReadIndex(core, message);
    case "read-index-reply":
      return handleReadIndexReply(core, message);
    default:
      return unreachable(message);
  }
}

/** An old leader, or one this member outran while it was cut off, must learn of the term. */
function tellTerm(core: Core, to: RaftMessage["from"]): void {
  const { id: from, term, incarnation } = core;
  core.send({ type: "heartbeat-ack", from, to, term, incarnation, round: 0 });
}
