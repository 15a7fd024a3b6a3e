/** A theme: `auto` follows the operating system. */
export type Theme = "auto" | "light" | "dark";

const STORAGE_KEY = "tidemark-theme";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

/** Owns which theme the window has, and remembers it on this computer. */
export class ThemeController {
  #theme = $state<Theme>("auto");
  readonly #root: HTMLElement;
  readonly #storage: Storage;

  constructor(root: HTMLElement, storage: Storage) {
    this.#root = root;
    this.#storage = storage;
    const kept = storage.getItem(STORAGE_KEY);
    this.set(THEMES.find((theme) => theme === kept) ?? "auto");
  }

  get theme(): Theme {
    return this.#theme;
  }

  set(theme: Theme): void {
    this.#theme = theme;
    this.#storage.setItem(STORAGE_KEY, theme);
    if (theme === "auto") delete this.#root.dataset["theme"];
    else this.#root.dataset["theme"] = theme;
  }
}
