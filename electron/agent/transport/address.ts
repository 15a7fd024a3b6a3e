import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";

/** Where to connect to or listen on. */
export type HostPort = { readonly host: string; readonly port: number };

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Takes `host:port` or `[ipv6]:port` apart. */
export function parseAddress(
  text: string,
): Result<HostPort, { readonly code: "address-malformed"; readonly detail: string }> {
  const parts =
    /^(?:\[([0-9a-fA-F:.]{2,45}(?:%[\w.-]{1,32})?)\]|([^:[\]\s/]{1,253})):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host !== undefined && port <= 65_535) return ok({ host, port });
  const detail = `${JSON.stringify(text.slice(0, 80))} is not an address; expected host:port`;
  return err({ code: "address-malformed", detail });
}

/** An IPv4 address as such, also where the system shows it inside an IPv6 one. */
export function plainHost(host: string): string {
  return host.startsWith("::ffff:") ? host.slice("::ffff:".length) : host;
}

/** Whether only this computer can reach it. */
export function isLoopbackHost(host: string): boolean {
  return host === "::1" || host === "localhost" || plainHost(host).startsWith("127.");
}
