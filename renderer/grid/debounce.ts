/** How long typing must rest before a filter is applied, in ms. */
const REST_MS = 180;

/** Runs the last of many calls once they rest. */
export class Debounce {
  #timer: ReturnType<typeof setTimeout> | undefined;

  run(action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, REST_MS);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
