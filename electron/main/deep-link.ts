/**
 * `tidemark://` links. They come from mails, chats and web pages, so they are never acted upon:
 * a link is recognised, shown to the person, and at most put into the join form.
 */

/** A recognised link; nothing in it has been checked beyond its shape. */
export type DeepLink = { readonly kind: "join"; readonly link: string };

/** Longer ones are no invitation of ours. */
const LINK_LENGTH_MAX = 2_048;

/** The link in an address, or null when it is none that this version knows. */
export function parseDeepLink(address: string): DeepLink | null {
  if (address.length > LINK_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(address)) return null;
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (url.protocol !== "tidemark:" || url.host !== "join" || url.pathname.length < 2) return null;
  return { kind: "join", link: address };
}

/** The first link among command line arguments: how Windows and Linux hand one over. */
export function deepLinkIn(argv: readonly string[]): DeepLink | null {
  for (const argument of argv) {
    const link = argument.startsWith("tidemark:") ? parseDeepLink(argument) : null;
    if (link !== null) return link;
  }
  return null;
}
