import { type Document, isCollection, isScalar, Lexer, visit, type YAMLError } from 'yaml';
import type { Place, Problem, ProblemParameters } from './problem.ts';

export const FILE_BYTES_MAX = 256 * 1024;

/** Keys and values; the largest site of a street has a few thousand. */
const VALUES_MAX = 20_000;

/** What the lexer gives before each key and value. */
const SCALAR = '\u001f';

/** Levels of nesting; the deepest format of ours needs about ten. */
const DEPTH_MAX = 20;

/** Characters that look like a space, or like nothing, and are part of the text for YAML (1.2.2 §5.5: white space is space and tab). */
export const ODD_SPACES = /[\u00A0\u00AD\u1680\u2000-\u200F\u202F\u205F\u2060\u3000\uFEFF]/;

/** Those of them that nobody can see at all. */
const UNSEEN = /[\u00AD\u200B-\u200F\u2060\uFEFF]/;

/** Characters before a mistake that are looked at. */
const LINE_MAX = 200;

/** Problems of one file that are worth showing before the first is mended. */
const ODD_LINES_MAX = 20;

/** `U+00A0` of the first such character in `text`, and whether it looks like a space. */
export function oddSpaceParameters(text: string): ProblemParameters {
  const character = ODD_SPACES.exec(text)?.[0] ?? ' ';
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return { kind: UNSEEN.test(character) ? 'unseen' : 'space', character: `U+${code}` };
}

/**
 * The code of the limit that a text goes beyond, found from its tokens, because the parser needs a second for a hundred
 * thousand values and calls itself once per level of nesting. A block stands one column further in than the block it
 * belongs to, so counting the open indentations counts the block levels.
 */
export function exceededLimit(text: string): 'C018' | 'C032' | undefined {
  let valueCount = 0;
  let flowDepth = 0;
  let columns: number[] = [];
  let column = 0;
  let atLineStart = true;
  const open = () => {
    columns = [...columns.filter((other) => other < column), column];
    return columns.length + flowDepth > DEPTH_MAX;
  };
  for (const token of new Lexer().lex(text)) {
    const first = token[0] ?? '';
    if (token === SCALAR) valueCount += 1;
    if (valueCount > VALUES_MAX) return 'C032';
    if (first === '\n' || first === '\r') {
      column = 0;
      atLineStart = true;
      continue;
    }
    if (first === '[' || first === '{') flowDepth += 1;
    else if (first === ']' || first === '}') flowDepth = Math.max(0, flowDepth - 1);
    const isBlockStart = (token === '-' || token === '?' || atLineStart) && first !== ' ' && first !== '#';
    if (isBlockStart && flowDepth === 0 && open()) return 'C018';
    if (flowDepth > DEPTH_MAX) return 'C018';
    // After `- ` or `? ` a block can start on the same line.
    if (first !== ' ') atLineStart = token === '-' || token === '?';
    column += token.length;
  }
  return undefined;
}

/** What the parser found wrong, in our codes. One cause makes it stumble again and again, so only the first of a line is kept. */
export function syntaxProblems(text: string, document: Document.Parsed, place: (from: number, to: number) => Place): Problem[] {
  if (document.errors.length === 0) return [];
  const odd = oddSpaceProblems(text, place);
  // A space that is none makes the parser complain about some other line: only the cause is worth telling.
  if (odd.length > 0) return odd;
  const problems: Problem[] = [];
  for (const error of document.errors) {
    const from = error.code === 'MISSING_CHAR' || error.code === 'BAD_INDENT' ? openedAt(document, error.pos[0]) : undefined;
    const at = from === undefined ? place(error.pos[0], error.pos[1]) : place(from, from + 1);
    if (problems.some((other) => other.place.line === at.line)) continue;
    problems.push({ severity: 'error', place: at, path: '', ...codeOf(error, text) });
  }
  // What stands below a tab is read in the wrong column.
  const [tab, ...others] = problems.filter(({ code }) => code === 'C011').sort((a, b) => a.place.line - b.place.line);
  if (tab === undefined) return problems;
  // An editor that writes tabs writes them everywhere: once is enough.
  const told = others.length === 0 ? tab : { ...tab, parameters: { others: others.length } };
  return [...problems.filter(({ place }) => place.line < tab.place.line), told];
}

/** `'Pati de l'escola'` up to the letter after the apostrophe. */
const APOSTROPHE = /[:,[{-] *'[^'\n]*\p{L}'$/u;

/** A key without a space behind its colon is named, and not what stands there, which may be a secret. */
function runsTogether(line: string): ProblemParameters {
  const tight = /^ *(?:- +)?([\w-]+):[^\s:]/.exec(line)?.[1];
  return { kind: /^[^#]*:/.test(line) ? 'keys' : 'colon', ...(tight !== undefined && { tight }) };
}

function codeOf(error: YAMLError, text: string): { code: string; parameters: ProblemParameters } {
  const lineFrom = text.lastIndexOf('\n', error.pos[0] - 1) + 1;
  if (APOSTROPHE.test(text.slice(Math.max(lineFrom, error.pos[0] - LINE_MAX), error.pos[0])))
    return { code: 'C064', parameters: {} };
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { code: 'C011', parameters: {} };
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return { code: 'C006', parameters: runsTogether(text.slice(lineFrom, lineFrom + LINE_MAX).split('\n', 1)[0] ?? '') };
    case 'MISSING_CHAR':
    case 'BAD_INDENT':
      return {
        code: 'C007',
        parameters: { kind: /quote/.test(error.message) ? 'quote' : /[\]}]$/.test(error.message) ? 'bracket' : 'indent' },
      };
    default:
      return { code: 'C010', parameters: {} };
  }
}

/** Where the text, list or map begins that the parser still had open at `offset`. */
function openedAt(document: Document.Parsed, offset: number): number | undefined {
  let from: number | undefined;
  visit(document, {
    Node: (_key, node) => {
      const isDelimited = isCollection(node) ? node.flow === true : isScalar(node) && node.type?.startsWith('QUOTE');
      if (isDelimited && node.range?.[1] === offset) from = node.range[0];
    },
  });
  return from;
}

/** Every line whose indentation, or whose space after `:` or `-`, is a character that only looks like a space. */
function oddSpaceProblems(text: string, place: (from: number, to: number) => Place): Problem[] {
  const problems: Problem[] = [];
  const pattern = new RegExp(`^[ \\t]*(?:- *)?(?:[^\\s"'#:]+:)?[ \\t]*(${ODD_SPACES.source})`, 'gm');
  for (const match of text.matchAll(pattern)) {
    const from = match.index + match[0].length - 1;
    problems.push({
      code: 'C015',
      severity: 'error',
      place: place(from, from + 1),
      path: '',
      parameters: oddSpaceParameters(match[0]),
    });
    if (problems.length === ODD_LINES_MAX) break;
  }
  return problems;
}
