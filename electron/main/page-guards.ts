/**
 * What pages are not allowed to do, whatever runs in them: leave our own page, open windows,
 * ask for devices, load anything from a network. These rules hold for every page of the app;
 * they know nothing of what the page shows.
 */
import { app, session, shell } from "electron";
import type { Session, WebContents } from "electron";
import { APP_ORIGIN } from "./app-protocol.ts";

/** Writing to the clipboard is how the grid copies; everything else is refused. */
const ALLOWED_PERMISSIONS: ReadonlySet<string> = new Set(["clipboard-sanitized-write"]);

const LOCAL_PROTOCOLS: ReadonlySet<string> = new Set(["app:", "data:", "blob:", "devtools:"]);

/** Guards every page that will ever be made. Called before the first window is opened. */
export function guardAllPages(): void {
  app.on("web-contents-created", (_event, contents) => {
    guardContents(contents);
  });
  guardSession(session.defaultSession);
}

function guardContents(contents: WebContents): void {
  contents.on("will-navigate", (details) => {
    if (!isOwnPage(details.url)) details.preventDefault();
  });
  contents.on("will-redirect", (details) => {
    details.preventDefault();
  });
  contents.on("will-attach-webview", (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(({ url }) => {
    if (isOpenableOutside(url)) void shell.openExternal(url);
    return { action: "deny" };
  });
}

function guardSession(pages: Session): void {
  pages.setPermissionRequestHandler((_contents, permission, decide) => {
    decide(ALLOWED_PERMISSIONS.has(permission));
  });
  pages.setPermissionCheckHandler((_contents, permission) => ALLOWED_PERMISSIONS.has(permission));
  pages.setDevicePermissionHandler(() => false);
  pages.webRequest.onBeforeRequest((details, decide) => {
    decide({ cancel: !isLocalContent(details.url) });
  });
}

/** Whether an address is a page of ours; compared by parts, never by its beginning. */
export function isOwnPage(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return `${url.protocol}//${url.host}` === APP_ORIGIN;
}

/** Whether a page may load this: only what comes from the app itself. */
export function isLocalContent(address: string): boolean {
  return URL.canParse(address) && LOCAL_PROTOCOLS.has(new URL(address).protocol);
}

/** Whether a clicked link may go to the browser: the web by https, or this very computer. */
export function isOpenableOutside(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  if (url.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
}
