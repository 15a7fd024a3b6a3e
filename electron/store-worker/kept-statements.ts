/** More would take memory for texts that may never come again. */
const STATEMENTS_KEPT_MAX = 200;

/**
 * One connection's statements, kept by their SQL. The one that was asked for least recently makes room for a new one; it
 * may be running, while many others are asked for, so it is freed in `sweep` only.
 */
export class KeptStatements<Statement extends { finalize(): void }> {
  readonly #kept = new Map<string, Statement>();
  #retired: Statement[] = [];

  /** The statement of this SQL, which counts as asked for now. */
  get(sql: string): Statement | undefined {
    const known = this.#kept.get(sql);
    if (known === undefined) return undefined;
    this.#kept.delete(sql);
    this.#kept.set(sql, known);
    return known;
  }

  /** Keeps a new one. */
  keep(sql: string, statement: Statement): void {
    const oldest = this.#kept.entries().next();
    if (this.#kept.size >= STATEMENTS_KEPT_MAX && oldest.done !== true) {
      this.#retired.push(oldest.value[1]);
      this.#kept.delete(oldest.value[0]);
    }
    this.#kept.set(sql, statement);
  }

  /** Frees those that made room. Only where nobody runs one. */
  sweep(): void {
    if (this.#retired.length === 0) return;
    for (const statement of this.#retired) statement.finalize();
    this.#retired = [];
  }

  /** Frees all of them. */
  clear(): void {
    this.sweep();
    for (const statement of this.#kept.values()) statement.finalize();
    this.#kept.clear();
  }
}
