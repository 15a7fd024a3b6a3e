/** First words of statements that only read. A `WITH` may end in a write: it is looked into. */
const READING_WORDS: ReadonlySet<string> = new Set(["select", "values", "explain", "pragma"]);
const WRITING = /\b(insert|update|delete|replace)\b/i;

/**
 * Whether a statement goes to `query`. Only a guess about where to send it: the agent itself
 * refuses a query that writes.
 */
export function isReading(sql: string): boolean {
  const bare = withoutCommentsAndText(sql).trimStart();
  const word = /^[a-z]+/i.exec(bare)?.[0].toLowerCase() ?? "";
  return word === "with" ? !WRITING.test(bare) : READING_WORDS.has(word);
}

/** Comments, and what stands in quotes, cannot decide what a statement is. */
function withoutCommentsAndText(sql: string): string {
  const quoted =
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
  return sql.replace(quoted, " ");
}
