/**
 * SQL.js with its C functions in reach: one WebAssembly instance, many databases.
 *
 * SQL.js' own JavaScript API turns integers beyond 2^53, text with NUL and negative zero into
 * something else, and makes an object per row. So the store calls the C functions that SQL.js
 * exports and reads and writes the WebAssembly memory itself. The C functions are found by the
 * names that sql.js 1.16.0 exports; `package.json` pins that version.
 *
 * Knows nothing of tables or transactions. The only importer of sql.js.
 */
import initSqlJs from "sql.js";
import { assert, defined } from "../../shared/base/assert.ts";
import { utf8Encode } from "../../shared/base/bytes.ts";
import { SharedFacts } from "./shared-facts.ts";

/** The parts of sql.js' module the store uses; pointers are plain numbers. */
export type RawSqlite = {
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _sqlite3_prepare_v2(
    database: number,
    sql: number,
    bytes: number,
    out: number,
    tail: number,
  ): number;
  _sqlite3_step(statement: number): number;
  _sqlite3_reset(statement: number): number;
  _sqlite3_finalize(statement: number): number;
  _sqlite3_clear_bindings(statement: number): number;
  _sqlite3_changes(database: number): number;
  _sqlite3_errmsg(database: number): number;
  _sqlite3_bind_text(s: number, at: number, text: number, bytes: number, free: number): number;
  _sqlite3_bind_blob(s: number, at: number, blob: number, bytes: number, free: number): number;
  _sqlite3_bind_double(statement: number, at: number, value: number): number;
  _sqlite3_bind_int(statement: number, at: number, value: number): number;
  _sqlite3_bind_parameter_index(statement: number, name: number): number;
  _sqlite3_column_count(statement: number): number;
  _sqlite3_column_name(statement: number, column: number): number;
  _sqlite3_column_type(statement: number, column: number): number;
  _sqlite3_column_double(statement: number, column: number): number;
  _sqlite3_column_text(statement: number, column: number): number;
  _sqlite3_column_blob(statement: number, column: number): number;
  _sqlite3_column_bytes(statement: number, column: number): number;
  _sqlite3_value_type(value: number): number;
  _sqlite3_value_int(value: number): number;
  _sqlite3_value_double(value: number): number;
  _sqlite3_value_text(value: number): number;
  _sqlite3_value_blob(value: number): number;
  _sqlite3_value_bytes(value: number): number;
  _sqlite3_create_function_v2(
    database: number,
    name: number,
    argumentCount: number,
    flags: number,
    user: number,
    call: number,
    step: number,
    final: number,
    destroy: number,
  ): number;
  addFunction(call: (...args: number[]) => void, signature: string): number;
  UTF8ToString(pointer: number): string;
  readonly Database: new (image: Uint8Array | null) => RawDatabase;
};

/** A database as SQL.js opens it: in its own file of the in-memory file system. */
export type RawDatabase = { readonly db: number; export(): Uint8Array; close(): void };

/** WebAssembly as far as it is used here; Node's types leave it to the DOM's. */
type WasmMemory = { readonly buffer: ArrayBuffer };
type WasmInstance = { readonly exports: { readonly [name: string]: unknown } };
type WasmApi = {
  readonly Memory: new (options: { initial: number }) => WasmMemory;
  readonly Instance: new (module: object, imports: object) => WasmInstance;
  compile(bytes: Uint8Array): Promise<object>;
};

const SHORT_TEXT_BYTES_MAX = 12;
const SQLITE_UTF8 = 1;
const SQLITE_DETERMINISTIC = 0x800;
const ANY_ARGUMENT_COUNT = -1;

/** Bytes in the memory of SQLite; what is counted does not include the NUL behind them. */
type PlacedText = { readonly pointer: number; readonly bytes: number };

/** Gets the arguments of a call from SQL: their count, and where their pointers lie. */
type SqlCallListener = (count: number, values: number) => void;

/** One instance of SQLite. Engines share it; their databases do not see each other. */
export class SqliteModule {
  readonly raw: RawSqlite;
  /** Kept for the engines; nothing here looks into it. */
  readonly facts = new SharedFacts();
  /** Who is called by the SQL functions of `addListenerFunction` now; null: nobody. */
  listener: SqlCallListener | null = null;
  #listenerCall = 0;
  readonly #memory: WasmMemory;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #heap: Uint8Array;
  #view: DataView;

  constructor(raw: RawSqlite, memory: WasmMemory) {
    this.raw = raw;
    this.#memory = memory;
    this.#heap = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  /** The memory now. Valid until the next call into SQLite, which may grow it. */
  get heap(): Uint8Array {
    // Growing detaches the old buffer, and a detached array has no length.
    if (this.#heap.length === 0) this.#refresh();
    return this.#heap;
  }

  /** The same memory for numbers. */
  get view(): DataView {
    if (this.#heap.length === 0) this.#refresh();
    return this.#view;
  }

  /**
   * Gives a database an SQL function that calls `listener`. One function of WebAssembly serves all
   * databases, because making one costs as much as opening a database.
   *
   * @param isDeterministic Whether it may compute a column. What it gives is NULL then, always.
   * @returns SQLite's result code.
   */
  addListenerFunction(
    database: number,
    { name, isDeterministic }: { readonly name: string; readonly isDeterministic: boolean },
  ): number {
    if (this.#listenerCall === 0) {
      this.#listenerCall = this.raw.addFunction((_context, count, values) => {
        this.listener?.(count as number, values as number);
      }, "viii");
    }
    const { pointer } = this.allocateText(name);
    const code = this.raw._sqlite3_create_function_v2(
      database,
      pointer,
      ANY_ARGUMENT_COUNT,
      isDeterministic ? SQLITE_UTF8 | SQLITE_DETERMINISTIC : SQLITE_UTF8,
      0,
      this.#listenerCall,
      0,
      0,
      0,
    );
    this.raw._free(pointer);
    return code;
  }

  /** A block of memory; the caller frees it with `raw._free`. */
  allocate(bytes: number): number {
    const pointer = this.raw._malloc(bytes);
    assert(pointer !== 0, "WebAssembly memory is not exhausted");
    return pointer;
  }

  /** A NUL-terminated copy of the text; the caller frees it. */
  allocateText(text: string): PlacedText {
    const pointer = this.allocate(text.length + 1);
    const { heap } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) {
        this.raw._free(pointer);
        return this.allocateBytes(utf8Encode(text));
      }
      heap[pointer + i] = unit;
    }
    heap[pointer + text.length] = 0;
    return { pointer, bytes: text.length };
  }

  /** A copy of the bytes and a NUL behind them; the caller frees it. */
  allocateBytes(bytes: Uint8Array): PlacedText {
    const pointer = this.allocate(bytes.length + 1);
    this.heap.set(bytes, pointer);
    this.heap[pointer + bytes.length] = 0;
    return { pointer, bytes: bytes.length };
  }

  /** The text of UTF-8 bytes in the memory. A byte order mark is kept. */
  decodeText(pointer: number, bytes: number): string {
    const { heap } = this;
    if (bytes <= SHORT_TEXT_BYTES_MAX) {
      // Calling the decoder costs more than a short text does.
      let text = "";
      const end = pointer + bytes;
      let at = pointer;
      for (; at < end; at++) {
        const unit = heap[at] as number;
        if (unit >= 0x80) break;
        text += String.fromCharCode(unit);
      }
      if (at === end) return text;
    }
    return this.#decoder.decode(heap.subarray(pointer, pointer + bytes));
  }

  #refresh(): void {
    this.#heap = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}

/** Compiles SQLite. @param wasm The content of sql.js' `sql-wasm.wasm`. */
export async function loadSqlite(wasm: Uint8Array): Promise<SqliteModule> {
  const api = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;
  const found: { memory: WasmMemory | null } = { memory: null };
  const module = await api.compile(wasm);
  const config = {
    // The only moment at which sql.js lets its memory be seen.
    instantiateWasm(imports: object, receive: (instance: WasmInstance) => void): object {
      const instance = new api.Instance(module, imports);
      for (const value of Object.values(instance.exports)) {
        if (value instanceof api.Memory) found.memory = value;
      }
      receive(instance);
      return instance.exports;
    },
  };
  const initialize: unknown = initSqlJs;
  assert(typeof initialize === "function", "sql.js exports its initialiser");
  const raw = (await initialize(config)) as RawSqlite;
  return new SqliteModule(raw, defined(found.memory, "SQLite exports its memory"));
}
