/**
 * The SQL editor, loaded only when the page is opened. It lives in a shadow root because
 * CodeMirror then puts its styles into a constructable sheet, which a strict content policy
 * allows, instead of a style element, which it forbids.
 */
import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { SQLite, sql as sqlLanguage } from "@codemirror/lang-sql";
import { defaultHighlightStyle, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec, type Transaction } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";

/** What the page gives the editor. */
export type SqlEditorOptions = {
  readonly text: string;
  readonly label: string;
  readonly placeholder: string;
  /** Table name -> column names, for completion. */
  readonly schema: { readonly [table: string]: readonly string[] };
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
};

/** Puts an editor into an element. @returns the function that removes it. */
export function mountSqlEditor(host: HTMLElement, options: SqlEditorOptions): () => void {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({ doc: options.text, extensions: extensionsFor(options) }),
  });
  view.focus();
  return () => view.destroy();
}

function extensionsFor(options: SqlEditorOptions) {
  const run = (): boolean => {
    options.onRun();
    return true;
  };
  return [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
    lineNumbers(),
    history(),
    drawSelection(),
    typingOverSelection,
    highlightActiveLine(),
    closeBrackets(),
    autocompletion(),
    placeholder(options.placeholder),
    sqlLanguage({ dialect: SQLite, schema: { ...options.schema }, upperCaseKeywords: true }),
    syntaxHighlighting(highlighting),
    keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": options.label }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) options.onChange(update.state.doc.toString());
    }),
    theme,
  ];
}

/**
 * Chromium keeps the looks of a selection that is typed over by an inline style, which the
 * content policy blocks and reports; so the editor replaces the selection itself.
 */
const typingOverSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { data, inputType, isComposing } = event;
    const { empty, from, to } = view.state.selection.main;
    if (empty || isComposing || inputType !== "insertText" || data === null) return false;
    const insert = (): Transaction =>
      view.state.update(view.state.replaceSelection(data), {
        userEvent: "input.type",
        scrollIntoView: true,
      });
    event.preventDefault();
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
    return true;
  },
});

/** What CodeMirror's own style sets in these colours is set in ours, for both themes. */
const COLORS: { readonly [color: string]: string } = {
  "#708": "var(--tide)",
  "#a11": "var(--live)",
  "#164": "var(--behind)",
  "#219": "var(--behind)",
  "#940": "var(--ink-faint)",
  "#085": "var(--tide-strong)",
};

const highlighting = HighlightStyle.define(
  defaultHighlightStyle.specs.map((spec) => {
    const color = typeof spec["color"] === "string" ? spec["color"] : "";
    return { ...spec, color: COLORS[color] ?? "inherit" };
  }),
);

const theme = EditorView.theme({
  "&": {
    height: "100%",
    color: "var(--ink)",
    backgroundColor: "var(--paper)",
    fontSize: "var(--text-md)",
  },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", padding: "12px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": {
    backgroundColor: "var(--ground)",
    color: "var(--ink-faint)",
    border: "0",
    borderRight: "1px solid var(--line)",
  },
  // The numbers end where the page's text begins.
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "40px", padding: "0 12px 0 0" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--tide) 6%, transparent)" },
  ".cm-placeholder": { color: "var(--ink-faint)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground":
    { backgroundColor: "color-mix(in oklab, var(--tide) 26%, transparent)" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line)",
    borderRadius: "8px",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--tide-fill)",
    color: "var(--on-tide)",
  },
});
