/** The words about this computer's copy: the check, what differs, and the repair; a part of `en.ts`. */

/** See the top of the file. */
export const copyText = {
  differs: "What differs on this computer",
  operations: {
    insert: "Missing here",
    update: "Other values here: what is here, then what should be",
    delete: "Should not be here",
  },
  legend:
    "+ is missing here, − should not be here, ± holds other values: struck through what is here, then what should be.",
  missing: (rows: string): string => `${rows} missing`,
  surplus: (rows: string): string => `${rows} too many`,
  changed: (rows: string): string => `${rows} with other values`,
  objectMissing: (what: string): string => `${what} is missing here.`,
  objectSurplus: (what: string): string => `${what} should not be here.`,
  objectOther: (what: string): string => `${what} is another one here.`,
  counter: (table: string, here: string, should: string): string =>
    `The next number of ${table} comes after ${here} here, and should come after ${should}.`,
  none: "nothing",
  notListed: "Tidemark's own rows and long ones are counted and not listed.",
  repair: "Repair this copy…",
  repairing: "Repairing…",
  repairTitle: "Repair this copy?",
  doRepair: "Repair",
  repairBody: {
    "rows-differ":
      "These rows are written on this computer alone, as its own log says; no other computer is touched. It counts only when every row then comes to the checksums; otherwise everything stays as it is.",
    "tables-differ":
      "The whole copy on this computer is made anew from its own log; no other computer is touched.",
  },
  repairLeads:
    "This computer leads: edits that were made while its rows were wrong were made on the wrong rows, for everybody. A repair does not take them back; look at them in the history.",
  next: {
    sound: "",
    "rows-differ": "These rows can be put right from this computer's own log.",
    "tables-differ": "This copy can be made anew from this computer's own log.",
    "log-differs":
      "This computer's own log is not the leader's, so nothing can be repaired from it. Only a new copy from the other computers helps. It is fetched by itself when two others agree against this one; otherwise remove this computer and let it join again.",
    "no-proof":
      "Nothing that is kept on this computer leads to what its log says, so it cannot be repaired from it. Only a new copy helps: remove this computer and let it join again in a new data folder. If it is the only one, restore a backup.",
  },
  doneRows: (rows: string): string => `Repaired: ${rows} put right, and every row checked.`,
  doneAll: "Repaired: the whole copy was made anew, and every row checked.",
  rolledBack:
    "The repair would not have come to the checksums of the log, so nothing was changed. Start Tidemark again on this computer, then check once more.",
  nothingDone: "There was nothing that a repair could put right.",
} as const;
