/**
 * What every request must show before anything else is looked at.
 *
 * A page on the web can make this browser send requests to 127.0.0.1. It cannot choose the Host
 * (which defeats DNS rebinding), cannot hide its Origin, and has no token. WebSockets ignore CORS,
 * so their upgrade passes through the same checks.
 */
import type { IncomingHttpHeaders } from "node:http";

/** A refusal before the request was read. `reason` is a label of the metrics. */
export type Refusal = {
  readonly status: 400 | 401 | 403 | 405 | 415;
  readonly reason: "host" | "origin" | "fetch-site" | "credentials" | "content-type" | "method";
  readonly message: string;
};

/** Names under which one server may be addressed, with its port. */
export function allowedHosts(address: string, port: number): readonly string[] {
  const own = address.includes(":") ? `[${address}]` : address;
  const names = new Set(["127.0.0.1", "[::1]", "localhost", own]);
  return [...names].map((name) => `${name}:${port}`);
}

/** Checks Host and Origin. @param headers As Node gives them: names in lower case. */
export function checkSource(
  headers: IncomingHttpHeaders,
  hosts: readonly string[],
): Refusal | null {
  if (headers.host === undefined || !hosts.includes(headers.host.toLowerCase())) {
    const message = `This server answers only to the Host ${hosts[0]}.`;
    return { status: 403, reason: "host", message };
  }
  const { origin } = headers;
  if (origin !== undefined && !hosts.some((host) => origin.toLowerCase() === `http://${host}`)) {
    const message = "Requests from pages of another origin are refused.";
    return { status: 403, reason: "origin", message };
  }
  return null;
}

/** Browsers say where a request comes from; older ones and programs leave the header out. */
export function checkFetchSite(headers: IncomingHttpHeaders): Refusal | null {
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin" || site === "none") return null;
  const message = "Requests from pages of another site are refused.";
  return { status: 403, reason: "fetch-site", message };
}

/** Forms of foreign pages cannot send this type without asking first. */
export function checkJson(headers: IncomingHttpHeaders): Refusal | null {
  const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") return null;
  const message = "Send the body as Content-Type: application/json.";
  return { status: 415, reason: "content-type", message };
}

/** Headers of every answer, whatever it is. */
export const COMMON_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
} as const;

/** The policy of the window's pages: nothing inline, nothing from elsewhere. */
export function contentSecurityPolicy(port: number): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join("; ");
}
