/** A short message at the edge of the window, also spoken by screen readers. */
export type Notice = {
  readonly id: number;
  readonly tone: "done" | "problem";
  readonly sentence: string;
};

/** How long a notice stays, in ms. Problems stay until closed: nobody may miss a lost edit. */
const DONE_SHOWN_MS = 4_000;
/** Older ones make room; a flood of problems has one cause. */
const NOTICES_MAX = 4;

/** Owns the notices on screen. */
export class Notices {
  #list = $state.raw<readonly Notice[]>([]);
  #lastId = 0;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  get list(): readonly Notice[] {
    return this.#list;
  }

  done(sentence: string): void {
    const id = this.#add("done", sentence);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.close(id);
    }, DONE_SHOWN_MS);
    this.#timers.add(timer);
  }

  problem(sentence: string): void {
    if (this.#list.some((notice) => notice.sentence === sentence)) return;
    this.#add("problem", sentence);
  }

  close(id: number): void {
    this.#list = this.#list.filter((notice) => notice.id !== id);
  }

  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #add(tone: Notice["tone"], sentence: string): number {
    this.#lastId += 1;
    this.#list = [...this.#list, { id: this.#lastId, tone, sentence }].slice(-NOTICES_MAX);
    return this.#lastId;
  }
}
