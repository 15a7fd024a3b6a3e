import type { Component } from "svelte";

/** One line of a menu. */
export type MenuItem = {
  readonly label: string;
  readonly run: () => void;
  readonly icon?: Component<{ size?: number; "aria-hidden"?: "true" }>;
  /** Shown at the right, e.g. a shortcut or what is chosen now. */
  readonly note?: string;
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
};
