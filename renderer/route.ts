/** Where the window is. Kept in the address after `#`, so that reload and back work. */
export type Route =
  | { readonly page: "tables"; readonly table: string | null }
  | { readonly page: "computers" }
  | { readonly page: "sql" };

/** The place an address stands for; an unknown one is the list of tables. */
export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, "").split("/");
  if (parts[0] === "computers") return { page: "computers" };
  if (parts[0] === "sql") return { page: "sql" };
  const name = decodeName(parts[1] ?? "");
  return { page: "tables", table: parts[0] === "tables" && name !== "" ? name : null };
}

/** The address of a place. */
export function hrefOf(route: Route): string {
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
