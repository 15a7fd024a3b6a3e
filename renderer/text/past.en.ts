/** The words about the past and about what is kept of it; a part of `en.ts`. */

/** Tables and SQL as of a former moment. */
export const pastText = {
  banner: "The past",
  showing: "The past: as of",
  timeNotKept: "a time that is not kept",
  position: "After transaction",
  readOnly: "The past can only be read.",
  other: "Another time…",
  back: "Back to now",
  choose: "Look at the past…",
  dialog: "Look at the past",
  at: "As everything was at",
  hint: "By the clock of whoever led then. Tables and SQL show that moment until you go back; nothing is changed.",
  since: (moment: string): string => `What is kept here reaches back to ${moment}.`,
  open: "Look",
  opening: "Opening…",
  look: "Look at this state",
  emptyThen: "There were no tables at that time.",
  missingTitle: "This table was not there then",
  missing: "It was made later, or had another name. Choose another one.",
} as const;

/** The page of settings. */
export const settingsText = {
  title: "Settings",
  past: "How much of the past is kept",
  lead: "Each computer keeps the log of changes and some snapshots of the database. From them come history, undo, the past and backups of former states, and what a computer that was away needs to catch up.",
  mebibytes: "Log to keep, in MiB",
  mebibytesHelp:
    "At least so much of the newest log stays, unless it is older than the days below.",
  days: "Days to keep",
  daysHelp: "Log older than this may go, even when it is little.",
  range: (min: string, max: string): string => `A whole number from ${min} to ${max}.`,
  everywhere: "Holds for every computer of the workspace.",
  saving: "Saving…",
  saved: "Settings saved on all computers.",
  reaches: "Past readable from",
  reachesNothing: "nothing yet",
  now: "On this disk now",
  use: (log: string, snapshots: string, count: string): string =>
    `${log} of log and ${snapshots} in ${count}`,
  most: "At most",
  mostUse: (log: string, snapshots: string): string =>
    `${log} of log and ${snapshots} of snapshots, with a database of today's size`,
  estimate: "At the pace of late",
  estimateUnknown: "not known yet",
  estimateDays: (days: string, perDay: string): string => `${days} or more, at ${perDay} a day`,
} as const;
