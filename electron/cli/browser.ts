import { spawn } from "node:child_process";
import { platform } from "node:os";

/** Whether a browser window could appear at all. */
export function hasDisplay(environment: Readonly<Record<string, string | undefined>>): boolean {
  if (platform() === "win32" || platform() === "darwin") return true;
  return Boolean(environment["DISPLAY"] ?? environment["WAYLAND_DISPLAY"]);
}

/** Opens a URL in the default browser; does nothing where no window could appear. */
export function openInBrowser(url: string): void {
  if (!hasDisplay(process.env)) return;
  const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
    win32: ["rundll32", "url.dll,FileProtocolHandler"],
    darwin: ["open"],
  };
  const [command, ...args] = commands[platform()] ?? ["xdg-open"];
  const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
  // The URL is on the terminal already; a missing browser is no reason to stop.
  child.on("error", () => undefined);
  child.unref();
}
