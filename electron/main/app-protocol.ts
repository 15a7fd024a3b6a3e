/**
 * The `app://tidemark/` protocol: the window's files, and nothing outside their folder.
 *
 * A protocol of our own instead of `file://`, so that the page has a real origin, a content
 * policy by header, and no reach into the rest of the disk. It does not know what the files
 * are; it only knows which kinds of file a page may ask for.
 */
import { readFile } from "node:fs/promises";
import { extname, isAbsolute, relative, resolve } from "node:path";
import { protocol } from "electron";
import { PAGE_HEADERS } from "./content-policy.ts";

/** Origin of every page of ours. */
export const APP_ORIGIN = "app://tidemark";

/** Address of the window's page. */
export const APP_PAGE = `${APP_ORIGIN}/index.html`;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** Names the protocol to Chromium. Only possible before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: "app", privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Answers `app://` requests from `folder`. Called once, when the app is ready. */
export function serveAppFiles(folder: string): void {
  protocol.handle("app", (request) => answer(request, folder));
}

async function answer(request: Request, folder: string): Promise<Response> {
  if (request.method !== "GET") return refusal(405, "only GET is answered here");
  const file = resolveAppFile(request.url, folder);
  if (file === null) return refusal(404, "no such page");
  try {
    const bytes = new Uint8Array(await readFile(file.path));
    return new Response(bytes, { headers: { ...PAGE_HEADERS, "content-type": file.contentType } });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return refusal(404, `the file could not be read: ${code}`);
  }
}

function refusal(status: number, reason: string): Response {
  const headers = { ...PAGE_HEADERS, "content-type": "text/plain; charset=utf-8" };
  return new Response(reason, { status, headers });
}

/**
 * The file an `app://` address stands for.
 *
 * @returns null for another host, for anything outside `folder`, and for kinds of file a page
 *   has no business with.
 */
export function resolveAppFile(
  address: string,
  folder: string,
): { readonly path: string; readonly contentType: string } | null {
  const path = pathOf(address);
  if (path === null) return null;
  const contentType = CONTENT_TYPES[extname(path).toLowerCase()];
  if (contentType === undefined) return null;
  const absolute = resolve(folder, `.${path}`);
  const inside = relative(folder, absolute);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside)) return null;
  return { path: absolute, contentType };
}

function pathOf(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (url.protocol !== "app:" || url.host !== "tidemark") return null;
  try {
    const path = decodeURIComponent(url.pathname === "/" ? "/index.html" : url.pathname);
    // A backslash separates folders on Windows, a colon names a drive or a stream there.
    return /[\\:\0]/.test(path) ? null : path;
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}
