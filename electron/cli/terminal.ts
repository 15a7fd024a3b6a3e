/** Everything a command may touch besides the agent; tests give their own. */
export type Terminal = {
  readonly out: (text: string) => void;
  /** Waits until the reader of stdout took it: for exports larger than memory. */
  readonly outSlowly: (text: string | Uint8Array) => Promise<void>;
  readonly error: (text: string) => void;
  /** Whether a person looks at stderr: progress bars only then. */
  readonly isErrorTty: boolean;
  readonly isOutTty: boolean;
  /** Asks a person for one line; null when there is nobody to ask. The question goes to stderr. */
  readonly ask: (question: string) => Promise<string | null>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly homeFolder: string;
  /**
   * Resolves when the user or the system asks this process to end. From the first call on, such
   * a request no longer ends it by itself.
   */
  readonly waitForStop: () => Promise<void>;
};
