import type { Terminal } from "./terminal.ts";
import { formatCount } from "./text-table.ts";

/** Tells a person how far a long command is. */
export type Progress = {
  readonly update: (count: number) => void;
  readonly end: () => void;
};

const BAR_WIDTH = 24;
const REDRAW_MS = 100;

/** A bar on a terminal, a line for every tenth elsewhere; always on stderr. */
export function createProgress(terminal: Terminal, total: number): Progress {
  return terminal.isErrorTty ? barProgress(terminal, total) : lineProgress(terminal, total);
}

function barProgress(terminal: Terminal, total: number): Progress {
  const startedMs = performance.now();
  let drawnMs = -Infinity;
  return {
    update: (count) => {
      const nowMs = performance.now();
      if (nowMs - drawnMs < REDRAW_MS && count < total) return;
      drawnMs = nowMs;
      const share = total === 0 ? 1 : count / total;
      const bar = "█".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
      const speed = formatCount(Math.round((count * 1_000) / Math.max(nowMs - startedMs, 1)));
      const rows = `${formatCount(count)} of ${formatCount(total)} rows`;
      terminal.error(`\r${bar} ${Math.floor(share * 100)} %  ${rows}  ${speed} rows/s\u001b[K`);
    },
    end: () => terminal.error("\r\u001b[K"),
  };
}

function lineProgress(terminal: Terminal, total: number): Progress {
  let tenths = 0;
  return {
    update: (count) => {
      const reached = total === 0 ? 10 : Math.floor((count * 10) / total);
      if (reached <= tenths || reached === 10) return;
      tenths = reached;
      terminal.error(`${reached * 10} %: ${formatCount(count)} of ${formatCount(total)} rows\n`);
    },
    end: () => undefined,
  };
}
