import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

type StandIn = typeof import("./electron-stand-in.ts");

/** A started main process and the stand-in it talks to. */
export type Desktop = { readonly electron: StandIn; readonly dataFolder: string };

/**
 * Runs the real `electron/main/main.ts` in a fresh module graph, up to the point where Electron
 * says it is ready (unless `isReady` is false).
 */
export async function bootDesktop(
  options: {
    readonly argv?: readonly string[];
    readonly isReady?: boolean;
    readonly hasLock?: boolean;
    readonly dataFolder?: string;
  } = {},
): Promise<Desktop> {
  const dataFolder = options.dataFolder ?? temporaryFolder();
  vi.resetModules();
  const electron = await import("./electron-stand-in.ts");
  electron.record.hasLock = options.hasLock ?? true;
  const argvBefore = process.argv;
  process.argv = ["electron", "app", "--data", dataFolder, ...(options.argv ?? [])];
  try {
    await import("../../electron/main/main.ts");
    if (options.isReady ?? true) {
      electron.app.becomeReady();
      await settle();
    }
  } finally {
    process.argv = argvBefore;
  }
  return { electron, dataFolder };
}

/** Lets every promise that can resolve without time or I/O do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-desktop-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
