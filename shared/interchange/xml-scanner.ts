/**
 * Tags and texts of an XML document in pieces, as the parts of a workbook need it: no document
 * types (their entities could grow without end), no namespaces beyond dropping the prefix.
 */

/** It is not XML, or not such as is read here. The message is a sentence without a full stop. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}

/** What the scanner tells. */
export type XmlListener = {
  readonly open: (name: string, attributes: string) => void;
  readonly close: (name: string) => void;
  /** Text between tags, as it is; may come in several pieces. */
  readonly text: (text: string) => void;
};

const LESS = 0x3c;
const TAG_LENGTH_MAX = 1024 * 1024;

/** Takes XML apart, piece by piece. */
export class XmlScanner {
  readonly #listener: XmlListener;
  #rest = "";

  constructor(listener: XmlListener) {
    this.#listener = listener;
  }

  /** @throws XmlError */
  push(piece: string): void {
    const text = this.#rest + piece;
    let at = 0;
    while (at < text.length) {
      const end = text.charCodeAt(at) === LESS ? this.#markup(text, at) : this.#text(text, at);
      if (end < 0) break;
      at = end;
    }
    this.#rest = text.slice(at);
    if (this.#rest.length > TAG_LENGTH_MAX) throw new XmlError("a tag of it never ends");
  }

  /** @throws XmlError when the document ends inside of a tag. */
  finish(): void {
    if (this.#rest.trim() !== "") throw new XmlError("it ends in the middle");
  }

  /** @returns where the text ends, or -1 when it could be cut inside of a character reference. */
  #text(text: string, from: number): number {
    const next = text.indexOf("<", from);
    if (next >= 0) {
      this.#listener.text(decoded(text.slice(from, next)));
      return next;
    }
    const cut = text.lastIndexOf("&");
    const isCut = cut >= from && !text.includes(";", cut);
    const end = isCut ? cut : text.length;
    if (end > from) this.#listener.text(decoded(text.slice(from, end)));
    if (end === from) return -1;
    return end;
  }

  /** @returns where the markup ends, or -1 when its end has not come yet. */
  #markup(text: string, from: number): number {
    const second = text[from + 1];
    if (second === undefined) return -1;
    if (second === "?") return after(text, "?>", from);
    if (second === "!") return this.#declaration(text, from);
    const end = tagEnd(text, from);
    if (end < 0) return -1;
    const isEmpty = text[end - 1] === "/";
    const body = text.slice(second === "/" ? from + 2 : from + 1, isEmpty ? end - 1 : end);
    const blank = body.search(/\s/);
    const prefixed = blank < 0 ? body : body.slice(0, blank);
    const name = prefixed.slice(prefixed.indexOf(":") + 1);
    if (second === "/") this.#listener.close(name);
    else this.#listener.open(name, blank < 0 ? "" : body.slice(blank));
    if (isEmpty) this.#listener.close(name);
    return end + 1;
  }

  #declaration(text: string, from: number): number {
    const head = text.slice(from, from + 9);
    if (head.startsWith("<!--")) return after(text, "-->", from + 4);
    if (head === "<![CDATA[") {
      const end = text.indexOf("]]>", from);
      if (end < 0) return -1;
      this.#listener.text(text.slice(from + 9, end));
      return end + 3;
    }
    const isCut = "<!--".startsWith(head) || "<![CDATA[".startsWith(head);
    if (isCut) return -1;
    throw new XmlError("it has a document type, which no workbook needs");
  }
}

/** The value of an attribute; null when it is not there. */
export function attributeOf(attributes: string, name: string): string | null {
  for (let at = attributes.indexOf(name); at >= 0; at = attributes.indexOf(name, at + 1)) {
    const before = attributes[at - 1];
    if (before !== undefined && !/[\s:]/.test(before)) continue;
    const match = /^\s*=\s*(["'])(.*?)\1/s.exec(attributes.slice(at + name.length));
    if (match !== null) return decoded(match[2] ?? "");
  }
  return null;
}

/** A `>` inside of quotes does not end a tag. */
function tagEnd(text: string, from: number): number {
  let end = text.indexOf(">", from);
  while (end >= 0 && isInQuotes(text, from, end)) end = text.indexOf(">", end + 1);
  return end;
}

function isInQuotes(text: string, from: number, to: number): boolean {
  let quote = "";
  for (let at = from; at < to; at++) {
    const character = text[at] ?? "";
    if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = "";
  }
  return quote !== "";
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? -1 : at + mark.length;
}

const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function decoded(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return NAMED[name] ?? whole;
    const isHex = name[1] === "x" || name[1] === "X";
    const point = isHex ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
