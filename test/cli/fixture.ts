/** Data folders with agents that answer, and a terminal that remembers. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../electron/cli/program.ts";
import type { Starters } from "../../electron/cli/starters.ts";
import type { Terminal } from "../../electron/cli/terminal.ts";
import { startServer, TOKEN, type RunningServer } from "../api/running-server.ts";

/** What one command line did. */
export type Ran = { readonly code: number; readonly out: string; readonly error: string };

/** A member that runs, and the folder its CLI is pointed at. */
export type Member = RunningServer & { readonly folder: string };

/** One test's computer. */
export class Computer {
  readonly root: string;
  readonly #members: Member[] = [];
  starters: Partial<Starters> = {};
  env: Record<string, string> = {};
  isErrorTty = false;
  /** What a person at the terminal answers; null: nobody is there. */
  answer: string | null = null;
  /** Lets go of commands that wait for Ctrl+C. */
  stop: () => void = () => undefined;

  private constructor(root: string) {
    this.root = root;
  }

  static async start(): Promise<Computer> {
    return new Computer(await mkdtemp(join(tmpdir(), "tidemark-cli-")));
  }

  /** A running agent whose data folder is beside the others'. */
  async addMember(name: string): Promise<Member> {
    const folder = join(this.root, name);
    await mkdir(folder);
    const running = await startServer();
    const file = { pid: process.pid, http: running.server.url, memberId: name };
    await writeFile(join(folder, "running.json"), JSON.stringify(file));
    await writeFile(join(folder, "api-token"), `${TOKEN}\n`);
    const member = { ...running, folder };
    this.#members.push(member);
    return member;
  }

  async run(...args: string[]): Promise<Ran> {
    let out = "";
    let error = "";
    const stopped = new Promise<void>((resolve) => (this.stop = resolve));
    const terminal: Terminal = {
      out: (text) => void (out += text),
      outSlowly: (text) =>
        Promise.resolve(
          void (out += typeof text === "string" ? text : Buffer.from(text).toString()),
        ),
      error: (text) => void (error += text),
      isErrorTty: this.isErrorTty,
      isOutTty: false,
      ask: (question) => {
        error += question;
        return Promise.resolve(this.answer);
      },
      env: this.env,
      platform: "linux",
      homeFolder: this.root,
      waitForStop: () => stopped,
    };
    const code = await runCli(args, {
      terminal,
      starters: () => Promise.resolve(this.starters as Starters),
      rendererFolder: null,
      version: "0.1.0",
    });
    return { code, out, error };
  }

  async close(): Promise<void> {
    for (const member of this.#members) await member.close();
    await rm(this.root, { recursive: true, force: true });
  }
}
