import { join } from "node:path";
import { Menu, nativeImage, Tray } from "electron";
import type { TrayWords } from "./status-words.ts";

/** What the tray's menu does. */
export type TrayActions = { readonly open: () => void; readonly quit: () => void };

/**
 * The picture near the clock: state by shape, colour and text. Some Linux desktops show no tray
 * at all, so nothing is reachable only from here.
 */
export class StatusTray {
  readonly #tray: Tray;
  readonly #iconFolder: string;
  readonly #actions: TrayActions;
  #shown: (TrayWords & { readonly closing: string | null }) | null = null;

  constructor(iconFolder: string, actions: TrayActions) {
    this.#iconFolder = iconFolder;
    this.#actions = actions;
    this.#tray = new Tray(this.#image("stopped"));
    this.#tray.on("click", actions.open);
  }

  /** Redraws only when something changed: the status comes several times a second. */
  show(words: TrayWords, closing: string | null): void {
    const shown = this.#shown;
    const isSame = shown?.mood === words.mood && shown.sentence === words.sentence;
    if (isSame && shown.closing === closing) return;
    if (shown?.mood !== words.mood) this.#tray.setImage(this.#image(words.mood));
    this.#shown = { ...words, closing };
    this.#tray.setToolTip(`Tidemark: ${words.sentence}`);
    this.#tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: words.sentence, enabled: false },
        ...(closing === null ? [] : [{ label: closing, enabled: false }]),
        { type: "separator" },
        { label: "Open Tidemark", click: this.#actions.open },
        { label: "Quit", click: this.#actions.quit },
      ]),
    );
  }

  dispose(): void {
    this.#tray.destroy();
  }

  #image(mood: TrayWords["mood"]): Electron.NativeImage {
    return nativeImage.createFromPath(join(this.#iconFolder, `tray-${mood}.png`));
  }
}
