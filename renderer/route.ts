/** Where the window is. Kept in the address after `#`, so that reload and back work. */
export type Route =
  | { readonly page: "tables"; readonly table: string | null }
  | { readonly page: "history"; readonly index: number | null }
  | { readonly page: "computers" }
  | { readonly page: "settings" }
  | { readonly page: "sql" };

/** The place an address stands for; an unknown one is the list of tables. */
export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, "").split("/");
  if (parts[0] === "computers") return { page: "computers" };
  if (parts[0] === "settings") return { page: "settings" };
  if (parts[0] === "sql") return { page: "sql" };
  if (parts[0] === "history") return { page: "history", index: indexOf(parts[1] ?? "") };
  const name = decodeName(parts[1] ?? "");
  return { page: "tables", table: parts[0] === "tables" && name !== "" ? name : null };
}

/** The address of a place. */
export function hrefOf(route: Route): string {
  if (route.page === "history" && route.index !== null) return `#/history/${route.index}`;
  if (route.page !== "tables") return `#/${route.page}`;
  return route.table === null ? "#/tables" : `#/tables/${encodeURIComponent(route.table)}`;
}

/** Addresses are typed by people too: a broken escape is no name. */
function decodeName(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

/** An index of the log; null when the text is none. */
function indexOf(part: string): number | null {
  return /^[1-9]\d{0,14}$/.test(part) ? Number(part) : null;
}
