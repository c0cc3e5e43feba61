import { closest } from './closest.ts';
import type { Problem, ProblemParameters } from './problem.ts';
import type { YamlNode } from './yaml-tree.ts';

/**
 * Stands in a source for each character of a secret that somebody wrote into the file, so that columns stay right and
 * the secret goes no further than the loader. Whoever shows the source draws any run of it as stars of a fixed width.
 * A private-use character: no file of ours has a meaning for it.
 */
export const CONCEALED = '\uE000';

/** What a concealed text looks like to people, however long it was. */
export const STARS = '************';

/** Different secrets written into the files of one site. Each is looked for in every text that is shown. */
export const SECRETS_MAX = 100;

/** Keys whose value is a secret wherever they stand, also in a file that cannot be parsed or under a wrong parent. */
const SECRET_KEY = /(?:tokens?|pass?w\w*|passphrase|pwd|psk|secrets?|api[_-]?key|identity[_-]?key)[0-9]*$/i;
const NEAR_SECRET_KEY = ['token', 'password', 'secret'];

/** What separates words, for people: also characters that look like a space, or like nothing. */
const SPACE = '[\\s\\u00ad\\u200b-\\u200f\\u2060]';

/** A key as it is looked for in a line: short enough that a text of 256 KiB without a space costs no time. */
const KEY = new RegExp(
  `(?<![\\w-])(?<quote>["']?)(?<key>[a-z][\\w-]{1,60})\\k<quote>(?<between>${SPACE}*[:=\uff1a]|${SPACE})`,
  'gi',
);

const BLANK = new RegExp(`^${SPACE}*$`);

/** What makes a word a key when no `:` or `=` follows: it is the first of a line, of a flow map or of a comment. */
const OPENS = new RegExp(`^${SPACE}*$|[-?{,#]${SPACE}*$`);

/** The name of a secret, which may be seen. */
const NAME = /^\s*["']?[a-z][a-z0-9_]{0,63}["']?\s*$/;
const REFERENCE = /^\s*\{\s*["']?secret["']?\s*:\s+["']?[a-z][a-z0-9_]{0,63}["']?\s*\}/;
/** In a board file `secret: true` says of a parameter that it is one. */
const FLAG = /^\s+(?:true|false)\s*(?:[,}]|$)/;
const WHOLE_QUOTED = /^[ \t]*(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')[ \t]*(?=[,}])/;

/** Parameters that choose a text or come from the schema; all others under a secret's key may be the secret. */
const HARMLESS: ReadonlySet<string> = new Set(['kind', 'case', 'bound', 'of', 'parent', 'found']);

/** Whether what stands under `key` is a secret: also under a key with a typing mistake. */
export function isSecretKey(key: string): boolean {
  if (key.length > 60 || SECRET_KEY.test(key)) return key.length <= 60;
  // Three letters are a word of their own: `sec` is dry, or a second.
  return key.length > 3 && closest(key, NEAR_SECRET_KEY).length > 0;
}

/** Whether what stands under `key` is the name of a secret, or a note about it, and no secret itself. */
function isHarmless(key: string, child: YamlNode): boolean {
  return key === 'note' || (key === 'secret' && NAME.test(String(child.scalar)));
}

/** Every text of a document that must not be shown: all values, and all keys of one's own, under a secret's key. */
export function secretsIn(root: YamlNode | undefined): string[] {
  const found = new Set<string>();
  const walk = (node: YamlNode, isSecret: boolean): void => {
    const text = node.source ?? String(node.scalar ?? '');
    if (isSecret && node.kind === 'scalar' && text !== '') found.add(text);
    for (const [key, child] of node.children) {
      if (isSecret && node.kind === 'map' && key !== 'secret' && key !== 'note') found.add(key);
      const isFlag = key === 'secret' && typeof child.scalar === 'boolean';
      walk(child, isSecret ? !isHarmless(key, child) : isSecretKey(key) && !isFlag);
    }
  };
  if (root) walk(root, false);
  return [...found];
}

/** Takes secrets out of texts and problems. */
export interface Concealer {
  /** The source with every character of a secret replaced by CONCEALED. */
  source(text: string): string;
  /** The problem with stars for every secret in its path and parameters. */
  problem(problem: Problem): Problem;
}

/** @param secrets what secretsIn found in all files: a secret can stand in several, and in comments */
export function makeConcealer(secrets: readonly string[]): Concealer {
  // A text in quotes is not always written as it reads.
  const spellings = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), secret.replaceAll("'", "''")]);
  const known = [...new Set(spellings)].sort((a, b) => b.length - a.length).map(asWord);
  const pattern = known.length === 0 ? undefined : new RegExp(known.join('|'), 'g');
  const hideKnown = (text: string, hide: (part: string) => string) => (pattern ? text.replace(pattern, hide) : text);
  const hidden = new WeakMap<readonly string[], readonly string[]>();
  const hideText = (text: string) => {
    const concealed = hideKnown(concealLines(text), stars);
    return concealed.replaceAll(new RegExp(`${CONCEALED}+`, 'g'), STARS);
  };
  const hideList = (list: readonly string[]) => {
    // Many problems carry one list of what is known.
    const done = hidden.get(list) ?? list.map(hideText);
    hidden.set(list, done);
    return done;
  };
  return {
    source: (text) => hideKnown(concealLines(text), conceal),
    problem(problem) {
      const { code, parameters } = problem;
      const keys = problem.path.split('.');
      // A key that holds a secret itself, such as `token=…`, ends the path that is shown, like the key of one.
      const secretAt = keys.findIndex((key) => isSecretKey(key) || hideText(key) !== key);
      const entries = Object.entries(parameters).map(([name, value]) => {
        if (typeof value === 'number') return [name, value];
        if (typeof value !== 'string') return [name, hideList(value)];
        // The name that C050 proposes is made of keys, and is what there is to do.
        if (HARMLESS.has(name) || (code === 'C050' && name === 'name')) return [name, value];
        return [name, secretAt < 0 || isSecretKey(value) ? hideText(value) : STARS];
      });
      const shown = keys.slice(0, secretAt < 0 ? keys.length : secretAt + (keys[secretAt + 1] === 'secret' ? 2 : 1));
      return { ...problem, path: shown.map(hideText).join('.'), parameters: Object.fromEntries(entries) as ProblemParameters };
    },
  };
}

const stars = () => STARS;

function conceal(text: string): string {
  return text.replace(/[^\n\r]/g, CONCEALED);
}

/** Long secrets are hidden anywhere; a short one only as a word of its own, or every `1` of a file would become stars. */
function asWord(secret: string): string {
  const escaped = secret.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return secret.length >= 6 ? escaped : `(?<!\\w)${escaped}(?!\\w)`;
}

/**
 * Hides what stands behind the keys of secrets, by line, because a file that cannot be parsed must hide them too: up to
 * the end of the line, and the lines below that belong to it.
 */
function concealLines(text: string): string {
  /** The column of the key whose value may go on below; lines further in belong to it. */
  let openFrom: number | undefined;
  let isEmptyAbove = false;
  const lines = text.split('\n').map((line) => {
    const indent = /^[ \t]*/.exec(line)?.[0].length ?? 0;
    if (openFrom !== undefined && line.trim() !== '') {
      const isBelow = indent > openFrom || (isEmptyAbove && !/^\s*["']?[\w-]+["']?:(?:\s|$)/.test(line));
      const name = isEmptyAbove ? /^(\s*secret: +)(.*)$/.exec(line) : null;
      if (name && isBelow && NAME.test(name[2] ?? '')) return line;
      if (isBelow) return line.slice(0, indent) + conceal(line.slice(indent));
      openFrom = undefined;
    }
    const from = secretFrom(line);
    if (from === undefined) return line;
    const rest = line.slice(from.value).trim();
    isEmptyAbove = BLANK.test(rest) || /^[&|>][^\s]*$/.test(rest);
    openFrom = rest.endsWith(',') || rest.endsWith('}') ? undefined : indent;
    return from.text;
  });
  return lines.join('\n').replace(/\S+/g, concealUser);
}

/** The line with its secrets hidden, and where the last one begins; undefined when it holds no key of a secret. */
function secretFrom(line: string): { text: string; value: number } | undefined {
  let text = line;
  let value: number | undefined;
  KEY.lastIndex = 0;
  for (let match = KEY.exec(line); match; match = KEY.exec(line)) {
    const { key = '', between = '' } = match.groups ?? {};
    const isKey = /[:=\uff1a]/.test(between) || OPENS.test(line.slice(Math.max(0, match.index - 20), match.index));
    if (!isKey || !isSecretKey(key)) {
      // The next key may start with the space that ended this word.
      KEY.lastIndex = Math.max(match.index + 1, KEY.lastIndex - 1);
      continue;
    }
    const start = match.index + match[0].length;
    const rest = line.slice(start);
    const reference = REFERENCE.exec(rest);
    const quoted = WHOLE_QUOTED.exec(rest);
    if (key === 'secret' && FLAG.test(rest)) continue;
    if (reference) {
      KEY.lastIndex = start + reference[0].length;
      // Whoever put the reference in its place may have kept the secret behind it.
      const behind = /^\s*(?:[,}]|$)/.test(line.slice(KEY.lastIndex)) ? line.indexOf('#', KEY.lastIndex) : KEY.lastIndex;
      if (behind < 0) continue;
      return { text: text.slice(0, behind) + conceal(line.slice(behind)), value: behind };
    }
    if (quoted) {
      const inner = quoted[1] ?? quoted[2] ?? '';
      const at = start + quoted[0].search(/["']/) + 1;
      text = text.slice(0, at) + conceal(inner) + text.slice(at + inner.length);
      KEY.lastIndex = start + quoted[0].length;
      value = start;
      continue;
    }
    // `token: "secret` keeps its quote, `token: secret` its space.
    const at = start + (/^[ \t]*["']?/.exec(rest)?.[0].length ?? 0);
    return { text: text.slice(0, at) + conceal(line.slice(at)), value: start };
  }
  return value === undefined ? undefined : { text, value };
}

/** `https://user:password@host`: everything up to the last @, because a password can hold any other mark. */
function concealUser(word: string): string {
  const from = word.indexOf('://') + 3;
  const to = word.lastIndexOf('@');
  return from < 3 || to < from ? word : word.slice(0, from) + conceal(word.slice(from, to)) + word.slice(to);
}
