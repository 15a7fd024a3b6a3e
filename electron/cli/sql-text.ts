/** Just enough of SQL's shape to send a statement to the right method. */

/**
 * Whether a statement only reads, judged by its keywords. The agent decides for real; a wrong
 * guess here becomes its refusal, never a lost write.
 */
export function isReading(sql: string): boolean {
  const bare = sql
    .replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]/g, " x ")
    .replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, " ")
    .trim();
  const first = /^[a-z]+/i.exec(bare)?.[0].toUpperCase();
  if (first !== "WITH") return first === undefined || READING.has(first);
  return mainVerb(bare) === "SELECT" || mainVerb(bare) === "VALUES";
}

const READING = new Set(["SELECT", "VALUES", "EXPLAIN", "PRAGMA"]);

/** The verb of a WITH statement: the first one outside of all parentheses. */
function mainVerb(bare: string): string | null {
  let depth = 0;
  for (const [token] of bare.matchAll(
    /[()]|\b(?:select|values|insert|update|delete|replace)\b/gi,
  )) {
    if (token === "(") depth += 1;
    else if (token === ")") depth -= 1;
    else if (depth === 0) return token.toUpperCase();
  }
  return null;
}
