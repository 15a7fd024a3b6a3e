/**
 * What a workbook says of itself: its sheets, its texts, which numbers are dates. The rows are read
 * by `sheet-reader.ts`.
 *
 * Written here rather than taken from a library because those that are kept up hold a whole sheet
 * in memory, and the one that streams is not kept up.
 */
import type { FileSource } from "./file-source.ts";
import { FileDecoder } from "./text-decoder.ts";
import { attributeOf, XmlError, XmlScanner, type XmlListener } from "./xml-scanner.ts";
import { readDirectory, readEntry, type ZipEntry } from "./zip-reader.ts";

/** How the numbers of a style are to be read. */
export type NumberKind = "number" | "date" | "duration";

/** An open workbook. */
export type Workbook = {
  readonly source: FileSource;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly sheets: readonly { readonly name: string; readonly part: string }[];
  /** By the number that cells give. */
  readonly texts: readonly string[];
  /** By the number that cells give. */
  readonly kinds: readonly NumberKind[];
  /** Days are counted from 1904 instead of 1900. */
  readonly isFrom1904: boolean;
};

/** Different texts of a workbook are all in memory: so many characters at most. */
const TEXTS_LENGTH_MAX = 128 * 1024 * 1024;

/** @throws ZipError, XmlError */
export async function openWorkbook(source: FileSource): Promise<Workbook> {
  const entries = await readDirectory(source);
  const part = (await workbookPart(source, entries)) ?? "xl/workbook.xml";
  const folder = part.slice(0, part.lastIndexOf("/") + 1);
  const relations = await readRelations(source, entries, part);
  const file = { source, entries };
  const { sheets, isFrom1904 } = await readSheets(file, part, (id) => {
    const target = relations.find((relation) => relation.id === id)?.target ?? "";
    return resolved(folder, target);
  });
  const partOf = (type: string): string | null => {
    const found = relations.find((relation) => relation.type.endsWith(`/${type}`));
    return found === undefined ? null : resolved(folder, found.target);
  };
  const texts = await readTexts(file, partOf("sharedStrings"));
  const kinds = await readKinds(file, partOf("styles"));
  return { source, entries, sheets, texts, kinds, isFrom1904 };
}

type File = Pick<Workbook, "source" | "entries">;
type Relation = { readonly id: string; readonly type: string; readonly target: string };

/** Feeds a part to a listener. Missing parts are empty. @throws ZipError, XmlError */
export async function scanPart(file: File, part: string, listener: XmlListener): Promise<void> {
  const entry = file.entries.get(part);
  if (entry === undefined) return;
  const scanner = new XmlScanner(listener);
  const decoder = new FileDecoder("auto");
  for await (const chunk of readEntry(file.source, entry))
    scanner.push(textOf(decoder, chunk, false));
  scanner.push(textOf(decoder, new Uint8Array(0), true));
  scanner.finish();
}

/** @throws XmlError */
export function textOf(decoder: FileDecoder, chunk: Uint8Array, isLast: boolean): string {
  const text = decoder.push(chunk, isLast);
  if (!text.ok) throw new XmlError("it is not UTF-8");
  return text.value;
}

async function workbookPart(source: FileSource, entries: File["entries"]): Promise<string | null> {
  const relations = await readRelations(source, entries, "");
  const found = relations.find(({ type }) => type.endsWith("/officeDocument"));
  return found === undefined ? null : resolved("", found.target);
}

async function readRelations(
  source: FileSource,
  entries: File["entries"],
  part: string,
): Promise<Relation[]> {
  const slash = part.lastIndexOf("/") + 1;
  const path = `${part.slice(0, slash)}_rels/${part.slice(slash)}.rels`;
  const relations: Relation[] = [];
  await scanPart({ source, entries }, path, {
    ...SILENT,
    open: (name, attributes) => {
      if (name !== "Relationship") return;
      const get = (key: string): string => attributeOf(attributes, key) ?? "";
      relations.push({ id: get("Id"), type: get("Type"), target: get("Target") });
    },
  });
  return relations;
}

async function readSheets(
  file: File,
  part: string,
  partOf: (id: string) => string,
): Promise<Pick<Workbook, "sheets" | "isFrom1904">> {
  const sheets: { name: string; part: string; isHidden: boolean }[] = [];
  let isFrom1904 = false;
  await scanPart(file, part, {
    ...SILENT,
    open: (name, attributes) => {
      if (name === "workbookPr") {
        isFrom1904 = /^(1|true)$/.test(attributeOf(attributes, "date1904") ?? "");
      }
      if (name !== "sheet") return;
      const sheet = attributeOf(attributes, "name") ?? "";
      const isHidden = (attributeOf(attributes, "state") ?? "visible") !== "visible";
      sheets.push({ name: sheet, part: partOf(attributeOf(attributes, "id") ?? ""), isHidden });
    },
  });
  // Charts and dialogs are called sheets too, and have no rows.
  const withRows = sheets.filter((sheet) => /worksheets\//.test(sheet.part));
  // What is on screen comes first.
  withRows.sort((a, b) => Number(a.isHidden) - Number(b.isHidden));
  return { sheets: withRows, isFrom1904 };
}

async function readTexts(file: File, part: string | null): Promise<string[]> {
  const texts: string[] = [];
  if (part === null) return texts;
  let length = 0;
  const collector = new TextCollector("si", (text) => {
    texts.push(text);
    length += text.length;
    if (length > TEXTS_LENGTH_MAX) throw new XmlError("it has more than 128 Mi characters of text");
  });
  await scanPart(file, part, collector);
  return texts;
}

/** The texts of rich or plain text elements; how to pronounce them is left out. */
export class TextCollector implements XmlListener {
  readonly #element: string;
  readonly #done: (text: string) => void;
  #isInText = false;
  #isInPhonetics = false;
  #text = "";

  /** @param element What holds one text. */
  constructor(element: string, done: (text: string) => void) {
    this.#element = element;
    this.#done = done;
  }

  readonly open = (name: string): void => {
    if (name === this.#element) this.#text = "";
    else if (name === "rPh") this.#isInPhonetics = true;
    else if (name === "t") this.#isInText = !this.#isInPhonetics;
  };

  readonly close = (name: string): void => {
    if (name === "t") this.#isInText = false;
    else if (name === "rPh") this.#isInPhonetics = false;
    else if (name === this.#element) this.#done(unescaped(this.#text));
  };

  readonly text = (text: string): void => {
    if (this.#isInText) this.#text += text;
  };
}

/** Characters that XML cannot hold are written `_x0007_` there. */
export function unescaped(text: string): string {
  if (!text.includes("_x")) return text;
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

async function readKinds(file: File, part: string | null): Promise<NumberKind[]> {
  const kinds: NumberKind[] = [];
  if (part === null) return kinds;
  const formats = new Map<number, string>();
  let isInCells = false;
  await scanPart(file, part, {
    ...SILENT,
    open: (name, attributes) => {
      if (name === "cellXfs") isInCells = true;
      const id = Number(attributeOf(attributes, "numFmtId") ?? 0);
      if (name === "numFmt") formats.set(id, attributeOf(attributes, "formatCode") ?? "");
      if (name === "xf" && isInCells) kinds.push(kindOfFormat(id, formats.get(id)));
    },
    close: (name) => {
      if (name === "cellXfs") isInCells = false;
    },
  });
  return kinds;
}

/** @param format As the workbook defines it; undefined for those that every program knows. */
function kindOfFormat(id: number, format: string | undefined): NumberKind {
  if (format === undefined) {
    if (id === 46) return "duration";
    const isDate = (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 58);
    return isDate && id !== 48 && id !== 49 ? "date" : "number";
  }
  if (/\[(h+|m+|s+)\]/i.test(format)) return "duration";
  const bare = format.replace(/"[^"]*"|\\.|_.|\*.|\[[^\]]*\]/g, "");
  return /[dmyhs]/i.test(bare.replace(/general/gi, "")) ? "date" : "number";
}

function resolved(folder: string, target: string): string {
  if (target.startsWith("/")) return target.slice(1);
  const parts: string[] = [];
  for (const step of `${folder}${target}`.split("/")) {
    if (step === "..") parts.pop();
    else if (step !== "." && step !== "") parts.push(step);
  }
  return parts.join("/");
}

const SILENT: XmlListener = {
  open: () => undefined,
  close: () => undefined,
  text: () => undefined,
};
