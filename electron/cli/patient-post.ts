/**
 * A request that may take minutes: waited for as long as the agent answers other questions meanwhile.
 *
 * Not `fetch`, which ends every request by itself when five minutes have brought no answer. Each one has a connection
 * of its own, so that a kept one that the agent just closed is never taken for an agent that died.
 */
import { request } from "node:http";

/** What became of it. */
export type PatientAnswer =
  | { readonly type: "answered"; readonly isOk: boolean; readonly body: unknown }
  /** It never reached the agent. */
  | { readonly type: "not-sent" }
  /** The connection ended before the answer, or the agent answered nothing at all any more: nobody knows. */
  | { readonly type: "lost" }
  | { readonly type: "silent" };

/** What is sent, and how one notices that nobody is there any more. */
export type PatientRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Asks the agent something small. @returns whether it answered. */
  readonly isAlive: () => Promise<boolean>;
  readonly pace?: Pace;
};

type Pace = {
  readonly askEveryMs: number;
  /** Questions in a row without an answer; not a time, because this computer may have slept. */
  readonly unansweredMax: number;
};

const PACE: Pace = { askEveryMs: 10_000, unansweredMax: 4 };

/** Never rejects. */
export function postPatiently(asked: PatientRequest): Promise<PatientAnswer> {
  const { url, headers, body, isAlive, pace = PACE } = asked;
  return new Promise((resolve) => {
    let unansweredCount = 0;
    let isAsking = false;
    const end = (answer: PatientAnswer): void => {
      clearInterval(timer);
      resolve(answer);
      sent.destroy();
    };
    const watch = async (): Promise<void> => {
      if (isAsking) return;
      isAsking = true;
      unansweredCount = (await isAlive()) ? 0 : unansweredCount + 1;
      isAsking = false;
      if (unansweredCount >= pace.unansweredMax) end({ type: "silent" });
    };
    const timer = setInterval(() => void watch(), pace.askEveryMs);
    const sent = request(url, { method: "POST", headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", () => end({ type: "lost" }));
      response.on("end", () => {
        const isOk = response.statusCode === 200;
        end(parsed(isOk, Buffer.concat(parts).toString("utf8")));
      });
    });
    sent.on("error", (error: NodeJS.ErrnoException) => {
      end({ type: error.code === "ECONNREFUSED" ? "not-sent" : "lost" });
    });
    sent.end(body);
  });
}

function parsed(isOk: boolean, text: string): PatientAnswer {
  try {
    return { type: "answered", isOk, body: JSON.parse(text) as unknown };
  } catch {
    return { type: "lost" }; // Half an answer: the agent ended while it wrote it.
  }
}
