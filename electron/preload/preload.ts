import { ipcRenderer } from "electron";
import type { IpcRendererEvent } from "electron";

/*
 * All the window gets from Electron: a port to the agent, and invitation links somebody opened.
 * Both are handed on as messages to the page itself, never as functions, so a page that was
 * taken over could ask the main process for nothing.
 */

// The page's own window; the rest of the DOM is none of this file's business.
declare const window: {
  readonly origin: string;
  postMessage(message: unknown, targetOrigin: string, transfer?: readonly unknown[]): void;
};

ipcRenderer.on("tidemark:port", (event: IpcRendererEvent) => {
  window.postMessage("tidemark:port", window.origin, event.ports);
});

ipcRenderer.on("tidemark:link", (_event: IpcRendererEvent, link: string) => {
  window.postMessage({ type: "tidemark:link", link }, window.origin);
});
