/**
 * The workspace's settings: what each is called and what it may be. They are rows of a replicated table, as text, so
 * every member has them.
 */
import { err, ok, type Result } from "../base/result.ts";
import { checkRetention, isRetentionKey } from "./retention.ts";

/** Whether a member that does not lead hands edits on to the leader instead of refusing them. */
export const FORWARD_WRITES = "forward-writes";

/** What a switch may be. */
export const SWITCH_VALUES = ["off", "on"] as const;

/** As the API, the command line and the window give it. */
export type SettingValue = string | number;

/** Why a value is not taken, as a sentence. */
export type SettingProblem = {
  readonly code: "not-found" | "bad-request";
  readonly message: string;
};

/** Judges a value. @returns the text that is stored. */
export function checkSetting(key: string, value: SettingValue): Result<string, SettingProblem> {
  if (isRetentionKey(key)) {
    const checked = checkRetention(key, typeof value === "number" ? value : toNumber(value));
    return checked.ok ? ok(String(checked.value)) : wrong(checked.error);
  }
  if (key === FORWARD_WRITES) {
    const known = SWITCH_VALUES.find((each) => each === value);
    return known === undefined ? wrong(`${key} is ${SWITCH_VALUES.join(" or ")}.`) : ok(known);
  }
  const message = `There is no setting ${key} that can be changed.`;
  return err({ code: "not-found", message });
}

/** Digits alone: what else `Number` takes would be a surprise. */
function toNumber(text: string): number {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function wrong(message: string): Result<never, SettingProblem> {
  return err({ code: "bad-request", message });
}
