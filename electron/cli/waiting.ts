import type { BackupWork } from "../../shared/api/backups.ts";
import type { AgentClient } from "./agent-client.ts";
import type { Terminal } from "./terminal.ts";
import { formatBytes } from "./text-table.ts";

/** What a person hears while something takes long. */
type Waiting = {
  readonly terminal: Terminal;
  /** Who does it; null: this program. */
  readonly client: AgentClient | null;
  readonly lookEveryMs?: number;
};

const LOOK_EVERY_MS = 1_000;
/** Where nobody looks on, a line only for what is new, and so often besides. */
const LINE_EVERY_MS = 30_000;

const STEPS: Readonly<Record<BackupWork["step"], string>> = {
  packing: "packing the database",
  waiting: "waiting for the computer that makes it",
  fetching: "fetching it",
  reading: "reading it back and recomputing it",
};

/** Waits for work on a backup, and tells how far it is on stderr; what is done at once brings not a word. */
export async function whileWaiting<T>(
  work: Promise<T>,
  { terminal, client, lookEveryMs = LOOK_EVERY_MS }: Waiting,
): Promise<T> {
  const startMs = performance.now();
  let said = { step: "", atMs: startMs };
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const report = await client?.call("backups", {});
    isLooking = false;
    if (isDone) return;
    const nowMs = performance.now();
    const now = report?.ok === true ? report.value.work : null;
    const words = `${describeWork(now)}, ${Math.round((nowMs - startMs) / 1_000)} s`;
    if (terminal.isErrorTty) terminal.error(`\r${words}\u001b[K`);
    else if (said.step !== (now?.step ?? "") || nowMs - said.atMs > LINE_EVERY_MS) {
      terminal.error(`${words}\n`);
    } else return;
    said = { step: now?.step ?? "", atMs: nowMs };
  };
  let isDone = false;
  const timer = setInterval(() => void look(), lookEveryMs);
  try {
    return await work;
  } finally {
    isDone = true;
    clearInterval(timer);
    if (said.atMs > startMs && terminal.isErrorTty) terminal.error("\r\u001b[K");
  }
}

/** How far it is, in words. */
export function describeWork(work: BackupWork | null): string {
  if (work === null) return "working";
  const { step, doneBytes, totalBytes } = work;
  if (totalBytes === null) return STEPS[step];
  return `${STEPS[step]}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
}
