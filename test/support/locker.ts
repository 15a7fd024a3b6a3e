/** A process of its own that locks the folder it is given, says how it went, and holds on. */
import { setTimeout as pause } from "node:timers/promises";
import { lockFolder } from "../../electron/agent/platform/file-lock.ts";

const HOLD_MS = 1500;

const locked = await lockFolder(process.argv[2] ?? "");
process.stdout.write(locked.ok ? "ok" : locked.error.code);
if (locked.ok) await pause(HOLD_MS);
