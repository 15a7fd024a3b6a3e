/** Wrong on purpose: the core reads a clock and knows the agent. Both must be reported. */
import { planted } from "../../electron/agent/planted.ts";

/** When this was loaded, and by whom. */
export const LOADED = { atMs: Date.now(), by: planted };
