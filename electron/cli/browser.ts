import { spawn } from "node:child_process";
import type { Terminal } from "./terminal.ts";

/** What decides whether and how a browser is started. */
export type Surroundings = Pick<Terminal, "platform" | "env">;

/** Whether a browser window could appear at all. */
export function hasDisplay({ platform, env }: Surroundings): boolean {
  if (platform === "win32" || platform === "darwin") return true;
  return Boolean(env["DISPLAY"] ?? env["WAYLAND_DISPLAY"]);
}

/** Opens a URL in the default browser. @param onMissing Called when none could be started. */
export function openInBrowser(
  url: string,
  { platform }: Surroundings,
  onMissing: () => void,
): void {
  const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
    win32: ["rundll32", "url.dll,FileProtocolHandler"],
    darwin: ["open"],
  };
  const [command, ...args] = commands[platform] ?? ["xdg-open"];
  const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
  child.on("error", onMissing);
  child.unref();
}
