/** The agent process through starts, crashes and stops, on a clock of the test. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AgentProcessState } from "../../electron/main/agent-supervisor.ts";

type StandIn = typeof import("./electron-stand-in.ts");
type Supervisor = import("../../electron/main/agent-supervisor.ts").AgentSupervisor;

let electron: StandIn;
let supervisor: Supervisor;
let states: AgentProcessState[];
let runningCount: number;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  electron = await import("./electron-stand-in.ts");
  const { AgentSupervisor } = await import("../../electron/main/agent-supervisor.ts");
  states = [];
  runningCount = 0;
  supervisor = new AgentSupervisor({
    modulePath: "/app/agent.js",
    dataFolder: "/data",
    onRunning: () => {
      runningCount += 1;
    },
    onState: (state) => states.push(state),
  });
  supervisor.start();
});

afterEach(() => {
  vi.useRealTimers();
});

function newestChild(): InstanceType<StandIn["UtilityChild"]> {
  return electron.record.children.at(-1)!;
}

/** Ends the process and returns how long the supervisor waits before the next start. */
function waitAfterExit(exitCode: number): number {
  const countBefore = electron.record.children.length;
  newestChild().emit("exit", exitCode);
  const startedMs = Date.now();
  while (electron.record.children.length === countBefore) vi.advanceTimersToNextTimer();
  return Date.now() - startedMs;
}

describe("a supervised agent", () => {
  test("is started again after longer and longer waits, up to half a minute", () => {
    const waits = Array.from({ length: 9 }, () => waitAfterExit(1));
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("starts with the shortest wait again after a healthy run", () => {
    waitAfterExit(1);
    waitAfterExit(1);
    newestChild().emit("spawn");
    vi.advanceTimersByTime(60_000);
    expect(waitAfterExit(1)).toBe(500);
    expect(waitAfterExit(1)).toBe(1_000);
  });

  test("is started again also when it ended without an error: nobody asked it to", () => {
    expect(waitAfterExit(0)).toBe(500);
  });

  test("tells clients to connect after each start, and gives each its own port", () => {
    expect(supervisor.connect()).toBeNull();
    newestChild().emit("spawn");
    expect(runningCount).toBe(1);
    const ports = [supervisor.connect(), supervisor.connect()];
    expect(new Set(ports).size).toBe(2);
    expect(newestChild().posted.map((each) => each.message)).toEqual([
      { type: "client" },
      { type: "client" },
    ]);
    newestChild().emit("exit", 1);
    expect(supervisor.connect()).toBeNull();
    vi.advanceTimersByTime(500);
    newestChild().emit("spawn");
    expect(runningCount).toBe(2);
  });

  test("that is asked to stop is not started again", async () => {
    newestChild().emit("spawn");
    const stopped = supervisor.stop();
    newestChild().emit("exit", 0);
    await stopped;
    vi.advanceTimersByTime(120_000);
    expect(electron.record.children).toHaveLength(1);
    expect(supervisor.state).toEqual({ kind: "stopped" });
  });

  test("that waits for its restart is not started again after a stop", async () => {
    newestChild().emit("exit", 1);
    await supervisor.stop();
    vi.advanceTimersByTime(120_000);
    expect(electron.record.children).toHaveLength(1);
  });

  test("that does not leave in time is ended", async () => {
    newestChild().emit("spawn");
    const stopped = supervisor.stop();
    vi.advanceTimersByTime(7_999);
    expect(newestChild().isKilled).toBe(false);
    vi.advanceTimersByTime(1);
    expect(newestChild().isKilled).toBe(true);
    newestChild().emit("exit", 143);
    await stopped;
  });

  test("reports what happened: exit code and wait", () => {
    newestChild().emit("spawn");
    newestChild().emit("exit", 7);
    expect(states).toEqual([
      { kind: "starting" },
      { kind: "running" },
      { kind: "waiting", exitCode: 7, restartInMs: 500 },
    ]);
  });

  test("leaves the end of its error output for diagnostics, and no more", () => {
    for (let line = 1; line <= 100; line += 1) {
      newestChild().stderr.emit("data", Buffer.from(`line ${line}\n`));
    }
    expect(supervisor.errorLines).toHaveLength(40);
    expect(supervisor.errorLines.at(-1)).toBe("line 100");
  });
});
