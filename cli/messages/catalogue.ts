import { durationText } from '../../config/duration.ts';
import type { ProblemParameters } from '../../config/problem.ts';
import { count } from './count.ts';

/**
 * The text of one code: what is wrong in one line, then lines that say why and what to do, in words that can be pasted.
 *
 * `{name}` is filled with a parameter; a list is joined with commas. `{name:or}` puts each item into backticks with "or"
 * between them, `{name:and}` does so with "and", `{name:ms}` shows milliseconds as a length of time, and `{name:kinds}` looks each item up in the words
 * of that name; with `!` behind them the hint is left out where there is no word. `{name|entry|entries}` is a number with the word that goes with it. A hint whose parameter is missing or
 * empty is left out.
 */
export interface Message {
  readonly what: string;
  readonly hints: readonly string[];
}

/** Texts that differ by one parameter: `by` names it, `of` has one text for each of its values. */
export interface Choice {
  readonly by: string;
  readonly of: Readonly<Record<string, Message>>;
}

/** Texts by code. */
export type Messages = Readonly<Record<string, Message | Choice>>;

/** All texts of one language. */
export interface Catalogue {
  readonly messages: Messages;
  /** Words for values of parameters, by the name that a text asks for. */
  readonly words: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly or: string;
  readonly and: string;
  readonly severity: Readonly<Record<'error' | 'warning' | 'note', string>>;
  summary(files: number, errors: number, warnings: number, notes: number): string;
  /** Of folders: files that were passed by because of their names. */
  others(files: number): string;
}

/** A word or key of a file is shown up to so many characters. */
const WRITTEN_MAX = 60;
const WRITTEN: ReadonlySet<string> = new Set(['written', 'key', 'brackets']);

/** `{name}`, `{name:format}` or `{name|one|several}`. */
const PLACE = /\{([a-zA-Z]+)(?::([a-zA-Z]+!?)|\|([^|{}]+)\|([^|{}]+))?\}/g;

/** The text of a problem in the language of the catalogue. Every code that is ever reported has one; a test proves it. */
export function textOf(catalogue: Catalogue, code: string, parameters: ProblemParameters): Message {
  const entry = catalogue.messages[code];
  const message = entry && 'by' in entry ? entry.of[String(parameters[entry.by])] : entry;
  if (!message) throw new Error(`no text for the problem ${code}`);
  return {
    what: fill(catalogue, message.what, parameters).text,
    hints: message.hints.flatMap((hint) => {
      const { text, isComplete } = fill(catalogue, hint, parameters);
      return isComplete ? [text] : [];
    }),
  };
}

/** `isComplete` is false when a parameter is missing, an empty text or an empty list: nothing stands in its place then. */
function fill(catalogue: Catalogue, template: string, parameters: ProblemParameters): { text: string; isComplete: boolean } {
  let isComplete = true;
  const text = template.replace(PLACE, (_all, name: string, format?: string, one?: string, several?: string) => {
    const value = WRITTEN.has(name) ? shortened(parameters[name]) : parameters[name];
    const items = Array.isArray(value) ? value : value === undefined || value === '' ? [] : [value];
    if (items.length === 0) isComplete = false;
    if (one !== undefined) return items.map((item) => count(Number(item), one, several)).join(', ');
    if (format === 'or' || format === 'and') return items.map((item) => `\`${item}\``).join(` ${catalogue[format]} `);
    if (format === 'ms') return items.map((item) => durationText(Number(item))).join(', ');
    const words = format === undefined ? undefined : catalogue.words[format.replace('!', '')];
    if (format?.endsWith('!') && items.some((item) => words?.[String(item)] === undefined)) isComplete = false;
    return items.map((item) => words?.[String(item)] ?? String(item)).join(words ? ` ${catalogue.or} ` : ', ');
  });
  return { text, isComplete };
}

/** Somebody can have put a whole file between two quotes. */
function shortened(value: ProblemParameters[string] | undefined): ProblemParameters[string] | undefined {
  if (typeof value !== 'string' || value.length <= WRITTEN_MAX) return value;
  return `${[...value.slice(0, 2 * WRITTEN_MAX)].slice(0, WRITTEN_MAX).join('')}…`;
}
