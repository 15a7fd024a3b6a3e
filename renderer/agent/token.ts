/**
 * Takes the one-time token out of the address (`#token=...`), trades it for the cookie, and
 * strips it, so that it stays neither in the history nor in a bookmark.
 *
 * @returns false when the agent refused the token; true when there was none to trade.
 */
export async function tradeToken(location: Location, history: History): Promise<boolean> {
  const match = /^#token=([^&]+)(?:&(.*))?$/.exec(location.hash);
  if (match === null) return true;
  const rest = match[2] ? `#${match[2]}` : "";
  history.replaceState(null, "", `${location.pathname}${location.search}${rest}`);
  try {
    const answer = await fetch("/auth", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: decodeURIComponent(match[1] ?? "") }),
    });
    return answer.ok;
  } catch (cause) {
    console.warn("the agent did not answer while the token was traded", cause);
    return false;
  }
}

/** Whether the cookie is good: true, false, or null when nobody answers. */
export async function askAuthorized(): Promise<boolean | null> {
  try {
    const answer = await fetch("/api/status");
    return answer.status !== 401 && answer.status !== 403;
  } catch (cause) {
    console.debug("the agent is not answering", cause);
    return null;
  }
}
