/**
 * A JSON value that keeps what JSON.parse loses: a number stays the text that was written, and an object keeps repeated
 * keys in their order. The city stores numbers by their text and binds repeated keys one after the other.
 */
export type Json =
  | { readonly type: 'null' }
  | { readonly type: 'boolean' | 'number' | 'string'; readonly text: string }
  | { readonly type: 'array'; readonly items: readonly Json[] }
  | { readonly type: 'object'; readonly entries: readonly (readonly [key: string, value: Json])[] };

/** The text is not JSON; the message says what was found where. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** No document of the city is deeper than five; a deeper one is refused before it can exhaust the stack. */
const DEPTH_MAX = 32;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** What a string may hold without an escape: everything from the space on but the quote and the backslash. */
const PLAIN_TEXT = /[ !#-[\]-\uffff]*/y;
const ESCAPE = /\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))/y;
const WHITESPACE = /[ \t\r\n]*/y;
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * Reads the JSON value at the start of `text` and ignores whatever follows it, as Jackson does by default: no comments, no
 * trailing commas, no leading zeros, no byte order mark. Throws JsonError.
 */
export function readJson(text: string): Json {
  let at = 0;

  function fail(): never {
    const found = at < text.length ? `unexpected character ${JSON.stringify(text[at])}` : 'unexpected end of input';
    throw new JsonError(`${found} at offset ${at}`);
  }

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  }

  function accept(token: string): boolean {
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  }

  function string(): string {
    if (!accept('"')) return fail();
    let content = '';
    for (;;) {
      content += match(PLAIN_TEXT)?.[0] ?? '';
      if (accept('"')) return content;
      const [, sign, hex] = match(ESCAPE) ?? fail();
      content += sign === undefined ? String.fromCharCode(Number.parseInt(hex ?? '', 16)) : (ESCAPES[sign] ?? sign);
    }
  }

  /** Items separated by commas up to `close`, whose opening sign has been read. */
  function list(close: string, item: () => void): void {
    match(WHITESPACE);
    if (accept(close)) return;
    for (;;) {
      match(WHITESPACE);
      item();
      match(WHITESPACE);
      if (accept(close)) return;
      if (!accept(',')) fail();
    }
  }

  function value(depth: number): Json {
    if (depth > DEPTH_MAX) throw new JsonError(`more than ${DEPTH_MAX} levels at offset ${at}`);
    match(WHITESPACE);
    if (text[at] === '"') return { type: 'string', text: string() };
    if (accept('{')) {
      const entries: [string, Json][] = [];
      list('}', () => {
        const key = string();
        match(WHITESPACE);
        if (!accept(':')) fail();
        entries.push([key, value(depth + 1)]);
      });
      return { type: 'object', entries };
    }
    if (accept('[')) {
      const items: Json[] = [];
      list(']', () => items.push(value(depth + 1)));
      return { type: 'array', items };
    }
    if (accept('null')) return { type: 'null' };
    for (const word of ['true', 'false']) if (accept(word)) return { type: 'boolean', text: word };
    const number = match(NUMBER)?.[0];
    return number === undefined ? fail() : { type: 'number', text: number };
  }

  return value(1);
}
