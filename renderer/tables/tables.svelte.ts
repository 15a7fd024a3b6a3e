/** The list of tables and what can be done to them as a whole. Rows are the grid's. */
import type { Agent, ClientError } from "../agent/client.ts";
import type { ApiEvent, TableInfo } from "../../shared/api/methods.ts";
import type { SqlStatement } from "../../shared/changes/values.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { addColumn, createTable } from "../../shared/api/statements.ts";
import { dropTable, renameTable, type ColumnPlan } from "../parts/statements.ts";

/** Shortest time between two reads of the list while rows rain, in ms. */
const REFRESH_MS_MIN = 500;

/** The banner and the first run say these. */
const SAID_ELSEWHERE: ReadonlySet<string> = new Set(["agent-unreachable", "no-cluster"]);

/** Owns the list of tables. */
export class TablesController {
  #tables = $state.raw<readonly TableInfo[] | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #agent: Agent;
  readonly #live: LiveStatus;
  readonly #endings: (() => void)[];

  constructor(agent: Agent, live: LiveStatus) {
    this.#agent = agent;
    this.#live = live;
    this.#endings = [
      agent.onEvent((event) => this.#onEvent(event)),
      agent.onConnection((state) => {
        if (state === "open") void this.refresh();
      }),
    ];
  }

  /** null until the first answer. */
  get tables(): readonly TableInfo[] | null {
    return this.#tables;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  find(name: string): TableInfo | null {
    return this.#tables?.find((table) => table.name === name) ?? null;
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const answer = await this.#agent.call("tables", {});
    if (answer.ok) this.#tables = answer.value.tables;
    const isSaidElsewhere = !answer.ok && SAID_ELSEWHERE.has(answer.error.code);
    this.#failure = answer.ok || isSaidElsewhere ? null : describeFailure(answer.error);
  }

  /** @returns null when it was done, else the error for the form. */
  create(name: string, columns: readonly ColumnPlan[]): Promise<ClientError | null> {
    return this.#change(createTable(name, columns.map(optional)));
  }

  addColumn(table: string, column: ColumnPlan): Promise<ClientError | null> {
    return this.#change(addColumn(table, optional(column)));
  }

  rename(table: string, name: string): Promise<ClientError | null> {
    return this.#change(renameTable(table, name));
  }

  drop(table: TableInfo): Promise<ClientError | null> {
    return this.#change(dropTable(table));
  }

  dispose(): void {
    for (const end of this.#endings) end();
    clearTimeout(this.#timer);
  }

  async #change(statement: SqlStatement): Promise<ClientError | null> {
    const answer = await this.#agent.write("execute", { statements: [statement] });
    if (!answer.ok) {
      this.#live.learnFrom(answer.error);
      return answer.error;
    }
    await this.refresh();
    return null;
  }

  #onEvent(event: ApiEvent): void {
    if (event.type !== "committed") return;
    if (event.isSchemaChange) void this.refresh();
    else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => void this.refresh(), REFRESH_MS_MIN);
    }
  }
}

/** People fill tables row by row: a column that must be filled is a matter for the SQL page. */
function optional(plan: ColumnPlan) {
  return { ...plan, isRequired: false };
}
