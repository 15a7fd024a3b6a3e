import { join, resolve } from "node:path";
import type { Terminal } from "./terminal.ts";

/**
 * The data folder of a command: `--data`, else `TIDEMARK_HOME`, else the folder the desktop app
 * of this user uses.
 */
export function dataFolderOf(option: string | undefined, terminal: Terminal): string {
  const { env, platform, homeFolder } = terminal;
  const chosen = option ?? env["TIDEMARK_HOME"];
  if (chosen !== undefined && chosen !== "") return resolve(chosen);
  if (platform === "win32") {
    return join(env["APPDATA"] ?? join(homeFolder, "AppData", "Roaming"), "Tidemark");
  }
  if (platform === "darwin") return join(homeFolder, "Library", "Application Support", "Tidemark");
  return join(env["XDG_DATA_HOME"] || join(homeFolder, ".local", "share"), "tidemark");
}
