import { Menu } from "electron";
import type { MenuItemConstructorOptions } from "electron";

/** What the application's menu does beyond the system's own entries. */
export type MenuActions = {
  readonly openDataFolder: () => void;
  readonly copyDiagnostics: () => void;
  readonly setKeepsRunning: (keepsRunning: boolean) => void;
};

/** How the menu looks at first. */
export type MenuState = {
  readonly isMac: boolean;
  readonly isDevelopment: boolean;
  readonly keepsRunning: boolean;
};

/** Puts the menu in place. */
export function installMenu(state: MenuState, actions: MenuActions): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(state, actions)));
}

/** The menu as data. On macOS the application's own menu comes first. */
export function menuTemplate(state: MenuState, actions: MenuActions): MenuItemConstructorOptions[] {
  const keepRunning: MenuItemConstructorOptions = {
    label: "Keep Sharing When the Window Is Closed",
    type: "checkbox",
    checked: state.keepsRunning,
    click: (item) => {
      actions.setKeepsRunning(item.checked);
    },
  };
  return [
    ...(state.isMac ? [{ role: "appMenu" } as const] : []),
    {
      label: "File",
      submenu: [
        keepRunning,
        { label: "Show Data Folder", click: actions.openDataFolder },
        { type: "separator" },
        state.isMac ? { role: "close" } : { role: "quit" },
      ],
    },
    { role: "editMenu" },
    { label: "View", submenu: viewEntries(state) },
    { role: "windowMenu" },
    {
      role: "help",
      submenu: [
        { label: "Copy Diagnostics", click: actions.copyDiagnostics },
        ...(state.isMac ? [] : [{ role: "about" } as const]),
      ],
    },
  ];
}

function viewEntries(state: MenuState): MenuItemConstructorOptions[] {
  return [
    { role: "resetZoom" },
    { role: "zoomIn" },
    { role: "zoomOut" },
    { type: "separator" },
    { role: "togglefullscreen" },
    ...(state.isDevelopment
      ? [{ role: "reload" } as const, { role: "toggleDevTools" } as const]
      : []),
  ];
}
