import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Posted = { message: unknown; origin: string; ports: readonly unknown[] };

let posted: Posted[];
let ipc: typeof import("./electron-stand-in.ts").ipcRenderer;

beforeEach(async () => {
  posted = [];
  vi.stubGlobal("window", {
    origin: "app://tidemark",
    postMessage: (message: unknown, origin: string, ports: readonly unknown[] = []) => {
      posted.push({ message, origin, ports });
    },
  });
  vi.resetModules();
  ({ ipcRenderer: ipc } = await import("./electron-stand-in.ts"));
  await import("../../electron/preload/preload.ts");
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("preload hands the agent's port to its own page and to no other origin", () => {
  const port = { name: "port" };
  ipc.emit("tidemark:port", { ports: [port] });
  expect(posted).toEqual([{ message: "tidemark:port", origin: "app://tidemark", ports: [port] }]);
});

test("preload hands on an invitation link as data", () => {
  ipc.emit("tidemark:link", {}, "tidemark://join/x");
  expect(posted).toEqual([
    {
      message: { type: "tidemark:link", link: "tidemark://join/x" },
      origin: "app://tidemark",
      ports: [],
    },
  ]);
});

test("preload listens to nothing else", () => {
  expect(ipc.eventNames().sort()).toEqual(["tidemark:link", "tidemark:port"]);
});
