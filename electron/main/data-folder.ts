import { posix, win32 } from "node:path";

/** What the default place depends on. */
export type Surroundings = {
  readonly platform: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/**
 * The folder with this installation's identity, log and snapshots: `--data` if given, otherwise
 * the same default as the command line's, so that both speak of the same member.
 */
export function dataFolderFrom(argv: readonly string[], surroundings: Surroundings): string {
  const { platform, home, environment } = surroundings;
  const path = platform === "win32" ? win32 : posix;
  const place = argv.indexOf("--data");
  const chosen = (place >= 0 ? argv[place + 1] : undefined) ?? environment["TIDEMARK_HOME"];
  if (chosen !== undefined && chosen !== "") return path.resolve(chosen);
  if (platform === "win32") {
    return win32.join(environment["APPDATA"] || win32.join(home, "AppData", "Roaming"), "Tidemark");
  }
  if (platform === "darwin") {
    return posix.join(home, "Library", "Application Support", "Tidemark");
  }
  return posix.join(
    environment["XDG_DATA_HOME"] || posix.join(home, ".local", "share"),
    "tidemark",
  );
}
