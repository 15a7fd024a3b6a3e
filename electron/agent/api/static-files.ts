import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** A file of the window, ready to be sent. */
export type StaticFile = {
  readonly content: Buffer;
  readonly type: string;
  /** Built files carry a hash in their name and never change; the page itself is asked for anew. */
  readonly cacheControl: string;
};

/**
 * A file of the built window, or null. The path is taken apart into plain names first, so there
 * is no spelling of it that leaves the folder or reaches a dotfile.
 *
 * @param path Path of the URL, still percent-encoded; "/" is the page.
 */
export async function readStatic(folder: string, path: string): Promise<StaticFile | null> {
  const names = (path === "/" ? "/index.html" : path).split("/").slice(1);
  if (!names.every((name) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name))) return null;
  const type = TYPES[extname(names.at(-1) ?? "")];
  if (type === undefined) return null;
  try {
    const content = await readFile(join(folder, ...names));
    const isHashed = names[0] === "assets";
    const cacheControl = isHashed ? "private, max-age=31536000, immutable" : "no-cache";
    return { content, type, cacheControl };
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null;
    if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR") return null;
    throw cause;
  }
}

/** What is shown where the window was not built or not wanted. */
export const NO_WINDOW_PAGE =
  "This Tidemark agent runs without its window. The API is under /api; see README.md.\n";
