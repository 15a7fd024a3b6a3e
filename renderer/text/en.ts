/**
 * Every word the window shows, in English. Errors are chosen by code, never by the agent's
 * message; a code without a text does not compile. Another language is another file of this type.
 */
import type { ClientErrorCode } from "../agent/client.ts";
import { exportingTexts, importingTexts } from "./files-en.ts";
import { backupsText } from "./backups.en.ts";
import { copyText } from "./copy.en.ts";
import { pastText, settingsText } from "./past.en.ts";
import type { SeatReason, SeatStatus } from "../../shared/cluster/status.ts";

/** What happened, and what to do about it. */
export type ErrorText = { readonly what: string; readonly next: string };

const undoHint =
  "That is a change of its own: every computer gets it, it stands in the history, and it can be taken back as well.";

/** Errors by code. */
export const errorTexts: { readonly [code in ClientErrorCode]: ErrorText } = {
  "not-leader": {
    what: "This computer may not edit: another one leads.",
    next: "Edit on the leading computer, or make this one lead under Computers.",
  },
  "no-quorum": {
    what: "Too few computers are reachable to confirm a change.",
    next: "Nothing was changed. Switch more of the computers on, then try again.",
  },
  "no-cluster": {
    what: "This computer does not belong to a workspace yet.",
    next: "Create one or join with an invite link.",
  },
  "already-in-cluster": {
    what: "This computer already belongs to a workspace.",
    next: "Use another data folder to join a second one.",
  },
  "unknown-outcome": {
    what: "The connection broke before the answer came.",
    next: "The change may or may not have been saved. Look at the row before trying again.",
  },
  "sql-error": { what: "SQLite refused the statement.", next: "Nothing was changed." },
  "sql-refused": {
    what: "Tidemark does not run this kind of statement.",
    next: "Nothing was changed.",
  },
  constraint: {
    what: "The change breaks a rule of the table.",
    next: "Nothing was changed. Correct the value and try again.",
  },
  "sequence-too-old": {
    what: "A newer change of this window was already saved.",
    next: "Look at the row before trying again.",
  },
  "too-large": {
    what: "The change is larger than one transaction may be.",
    next: "Nothing was changed. Do it in smaller parts.",
  },
  busy: {
    what: "The leading computer has more work waiting than it can take.",
    next: "Nothing was changed. Try again in a moment.",
  },
  "query-timeout": {
    what: "The query took too long and was ended.",
    next: "Ask for fewer rows, or add an index.",
  },
  stale: {
    what: "The data here is older than was allowed.",
    next: "Wait until this computer has caught up, or allow older data.",
  },
  "not-found": { what: "It is not there any more.", next: "Reload the page to see what is." },
  "bad-request": { what: "The request was not understood.", next: "Nothing was changed." },
  unauthorized: {
    what: "This window is not allowed to talk to the agent.",
    next: "Open it again with the link that `tidemark serve` printed.",
  },
  "storage-full": {
    what: "The disk of the leading computer is full.",
    next: "Nothing was changed. Free some space there; editing then goes on by itself.",
  },
  "storage-failed": {
    what: "The disk of this computer failed to save.",
    next: "Nothing was changed. Check the disk, then start Tidemark again.",
  },
  diverged: {
    what: "The data here no longer matches the leader's.",
    next: "Tidemark stopped using it, and makes it anew where it can. Check this copy, under Computers, shows what differs.",
  },
  "log-damaged": {
    what: "Part of this computer's log is damaged.",
    next: "Nothing was changed. What is whole can be read, exported and backed up; `tidemark repair` shows the places.",
  },
  "invite-invalid": {
    what: "This invite link is wrong, used, or expired.",
    next: "Ask for a new one: Computers, then Invite a computer.",
  },
  unreachable: {
    what: "The other computer could not be reached.",
    next: "Check that it is on and in the same network, then try again.",
  },
  "change-in-progress": {
    what: "Another change of the computers is still under way.",
    next: "Try again when it is done.",
  },
  "not-caught-up": {
    what: "That computer has not caught up yet.",
    next: "Wait until it shows no lag, then try again.",
  },
  "import-row": {
    what: "A row of the file could not be imported.",
    next: "Correct it, then retry.",
  },
  "row-conflict": {
    what: "Somebody changed that meanwhile.",
    next: "Look at what is there now, then decide again; nothing was done.",
  },
  "undo-conflict": {
    what: "It cannot be taken back as it is.",
    next: "Look at what changed since; nothing was done.",
  },
  "too-old": {
    what: "That is further back than what is kept here.",
    next: "Choose a later moment. Settings tells how far back the past can be read.",
  },
  internal: {
    what: "Tidemark made a mistake.",
    next: "Nothing is lost. Try again; if it returns, report it with the log file.",
  },
  "agent-unreachable": {
    what: "The Tidemark agent on this computer does not answer.",
    next: "This window connects again by itself.",
  },
};

/** What was found about this computer's data folder, by reason: the first sentence of the banner. */
export const seatFound: { readonly [reason in SeatReason]: string } = {
  wiped: "The data folder of this computer was emptied.",
  damaged: "Part of what this computer had stored is damaged.",
  "older-term": "An older copy of this computer's data folder was restored.",
  "missing-entries": "An older copy of this computer's data folder was restored.",
  "forgotten-vote": "An older copy of this computer's data folder was restored.",
  superseded: "This data folder is an old copy of the computer's present one.",
  copy: "This data folder is a copy of one that another running computer uses.",
  withdrawn: "This computer gave up its place among the voting computers.",
};

/** What that means here and what happens now: the second sentence. */
export const seatMeans: { readonly [state in Exclude<SeatStatus["state"], "ok">]: string } = {
  barred: "It confirms no change until the leader has taken it in again; that happens by itself.",
  damaged: "It confirms no change until the leader has taken it in again; that happens by itself.",
  copy: "It only shows what it has. Close one of the two, or join here anew: tidemark join LINK --replace",
  reseeding: "It was taken in again and is being filled from the others.",
};

/** Labels, headings and sentences, by place. */
export const text = {
  product: "Tidemark",
  banner: "State of the workspace",
  closing: {
    safe: "Safe to close",
    "stops-editing": "Keep it open",
    "only-here": "Keep it open",
    alone: "Only copy",
  },
  openLeader: (name: string | null): string => `Open ${name ?? "the leader"}`,
  nav: {
    tables: "Tables",
    history: "History",
    computers: "Computers",
    sql: "SQL",
    settings: "Settings",
    label: "Main",
  },
  common: {
    cancel: "Cancel",
    close: "Close",
    copy: "Copy",
    copied: "Copied",
    delete: "Delete",
    save: "Save",
    retry: "Try again",
    never: "never",
    unknown: "not known",
    more: "More actions",
    asOf: "as of",
    position: "Position in the replication log",
  },
  firstRun: {
    title: "Shared tables for your room",
    lead: "Every computer keeps a whole copy. One leads and takes the edits; the others mirror it and keep working when the network does not.",
    create: "Create a workspace",
    createHint: "This is the first computer. Invite the others afterwards.",
    join: "Join a workspace",
    joinHint: "Another computer already has one. Use the invite link it shows.",
    workspaceName: "Name of the workspace",
    workspaceExample: "e.g. Front desk",
    memberName: "Name of this computer",
    memberExample: "e.g. Reception laptop",
    link: "Invite link",
    linkExample: "tidemark://join/…",
    linkHelp: "On the other computer: Computers, then Invite a computer.",
    linkWrong: "An invite link begins with tidemark://join/",
    nameMissing: "Give it a name first.",
    doCreate: "Create workspace",
    doJoin: "Join workspace",
    creating: "Creating…",
    joining: "Joining. The other computer is confirming…",
    back: "Back",
  },
  unauthorized: {
    title: "This window needs its key",
    body: "Open Tidemark with the link that `tidemark serve` or `tidemark demo` printed. It carries a key that is used once and then kept as a cookie.",
  },
  starting: "Connecting to the agent on this computer…",
  tables: {
    title: "Tables",
    create: "New table",
    emptyTitle: "No tables yet",
    emptyEdit: "Create the first table, or import one from a CSV, Excel, JSON or SQLite file.",
    emptyRead: "Tables appear here as soon as they are created on the leading computer.",
    pickTitle: "Choose a table",
    pick: "Pick one on the left to see its rows.",
    import: "Import a file",
    export: "Export…",
    view: "view",
    missingTitle: "This table is gone",
    missing: "It was dropped or renamed. Choose another one.",
    name: "Name of the table",
    nameExample: "e.g. people",
    columns: "Columns",
    columnName: "Column name",
    columnType: "Type",
    addColumn: "Add column",
    removeColumn: "Remove this column",
    required: "Required",
    doCreate: "Create table",
    drop: "Drop table…",
    rename: "Rename table…",
    dropTitle: "Drop this table?",
    doDrop: "Drop table",
    doRename: "Rename",
    renameTitle: "Rename table",
    keyNote: "A numeric id is added by itself and names each row.",
    types: { text: "Text", integer: "Whole number", real: "Number", blob: "Bytes" },
    nameWrong: "Each table and column needs a name; two columns may not share one.",
  },
  grid: {
    quickFilter: "Search all columns",
    filterRow: "Filter by column",
    addRow: "Add row",
    deleteRows: "Delete rows",
    noRowsTitle: "No rows yet",
    noRowsEdit: "Add the first row, or paste a block copied from a spreadsheet with Ctrl+V.",
    noRowsRead: "Rows appear here as soon as they are added on the leading computer.",
    noMatchTitle: "No row matches",
    noMatch: "Change or clear the filter to see rows again.",
    clearFilter: "Clear filter",
    rowChanged:
      "Somebody changed this row at the same time. Your value was not saved; the row now shows theirs.",
    newRow: "New row",
    newRowHint: "Leave a field empty to use its default.",
    doAdd: "Add row",
    undone: "Undone.",
    nothingToUndo: "Nothing to undo in this window.",
    undoConflict: "Not undone: the row was changed since.",
    readOnly: "Read only",
    viewReadOnly: "A view cannot be edited. Edit the tables it reads.",
    generated: "This column is computed and cannot be edited.",
    blob: "Bytes cannot be edited here.",
    noKey: "This row has no key, so it cannot be edited here.",
    selectedTooLarge: "That selection is too large to do at once. Take at most 10,000 cells.",
    copyTooLarge: "That selection is too large to copy. Take at most 100,000 cells.",
    copied: "Copied.",
    pending: "waiting to be confirmed",
    rejected: "not saved",
    nullValue: "NULL",
    emptyValue: "empty",
    rowNumber: "Row",
    resize: "Drag to resize",
  },
  history: {
    title: "History",
    lead: "Every change, newest first, from this computer's own log.",
    pickTitle: "Choose a change",
    pick: "Pick one to see each row before and after, and to take it back.",
    none: "Nothing was changed yet.",
    older: "Show older ones",
    begins: "The log kept here begins there; nothing older is known.",
    noChange: "no change of rows",
    transaction: "Transaction",
    operation: "What was done",
    operations: { insert: "Added", update: "Changed", delete: "Deleted" },
    moreRows: "Show more rows",
    takeBack: "Take back…",
    takeImportBack: "Take back this import…",
    partOfImport: "part of an import",
    restore: "Restore to here…",
    bringBack: "Bring this state back…",
    plans: {
      undo: { title: "Take this back?", action: "Take back", hint: undoHint },
      undoImport: {
        title: "Take back the whole import?",
        action: "Take back",
        hint: "That is a change of its own: every computer gets it, and it stands in the history.",
      },
      restore: { title: "Bring that state back?", action: "Restore", hint: undoHint },
    },
    doing: "Taking back…",
    goesToo: (names: string): string =>
      `Dropped again, unless rows of others are in it by then: ${names}.`,
    dropped: (names: string): string => `Dropped again: ${names}.`,
    kept: (names: string): string => `Kept, because it is in use: ${names}.`,
    inPart: (count: number): string =>
      `${count.toLocaleString("en-US")} rows were taken back by then. Take it back again to go on.`,
    schemaComes: "The tables themselves become what they were:",
    leftOut: "Cannot come back, because there is no place for it now:",
    nothingToDo: "Nothing of it was changed since then.",
    looking: "Looking at what would change…",
    inTheWay: "It cannot be done as it is. Nothing was changed. In the way:",
    left: "it left",
    today: "today it is",
    rowTitle: "History of a row",
    rowNone: "The log kept here has no change of this row.",
    ofRow: "History of the row",
    noRowKey: "Nothing names the rows of this table, so a row's history cannot be told.",
  },
  backups: backupsText,
  past: pastText,
  settings: settingsText,
  computers: {
    title: "Computers",
    invite: "Invite a computer",
    inviteTitle: "Invite a computer",
    inviteHint:
      "Open Tidemark on the other computer, choose Join a workspace, and paste this link. It works once.",
    inviteRole: "What the new computer does",
    roleAuto: "Decide automatically",
    roleVoter: "Votes on who leads",
    roleMirror: "Only mirrors",
    doInvite: "Make a link",
    expires: "Expires",
    lead: "Make this computer lead",
    leadOther: "Make it lead",
    leadHint: "Moves leadership without losing a change. It takes less than a second.",
    remove: "Remove from workspace…",
    removeTitle: "Remove this computer?",
    removeBody:
      "It stops receiving changes and its key is refused from now on. The copy on its own disk stays there.",
    doRemove: "Remove",
    leadsNow: "leads",
    self: "this computer",
    chartTitle: "Replication lag",
    chartEmpty: "The chart fills as computers report how far they are behind.",
    chartEntries: "changes behind",
    historyTitle: "What happened",
    historyEmpty: "Changes of leadership, and what becomes of computers, appear here.",
    verify: "Check this copy",
    verifying: "Checking…",
    name: "Computer",
    role: "Role",
    state: "State",
    lag: "Behind",
    seen: "Last heard",
    address: "Address",
    version: "Version",
    alone:
      "This is the only computer. If its disk fails, the data is gone: invite at least one more.",
    actions: "Actions",
  },
  sql: {
    title: "SQL",
    run: "Run",
    running: "Running…",
    hint: "One statement. SELECT reads this computer's copy; anything else goes through the leader.",
    editor: "SQL statement",
    emptyTitle: "Nothing run yet",
    empty: "Write a statement and press Ctrl+Enter.",
    noRows: "The query returned no rows.",
    truncated: "Only the first rows are shown. Add LIMIT or narrow the query to see others.",
    readOnlyNote: "This computer cannot write now; reading works.",
  },
  copy: copyText,
  shortcuts: { title: "Keyboard shortcuts", open: "Keyboard shortcuts" },
  theme: { label: "Theme", auto: "As the system", light: "Light", dark: "Dark" },
  importing: importingTexts,
  exporting: exportingTexts,
} as const;
