import type { ZodType, z } from 'zod';
import { closest } from './closest.ts';
import { longManualNumber } from './manual-number.ts';
import { blockOf, withMissingBlocks } from './missing-block.ts';
import type { Problem, ProblemParameters } from './problem.ts';
import { meantId } from './schema-types.ts';
import { isOddNumber } from './wrong-number.ts';
import { belonging, keyAt, meantChoices, stateOf, wrongType } from './wrong-type.ts';
import type { YamlDocument } from './yaml-document.ts';
import { dotted, nodeAt, type Path, plainValue, type YamlNode } from './yaml-tree.ts';

type Issue = z.core.$ZodIssue;

/** How a line is set, which a bus of one device does not say. */
const SET_BY_BOARD: ReadonlySet<string> = new Set(['baud', 'baudrate', 'format', 'parity']);

/** Words that are still read, and not proposed any more. */
const FORMER_WORDS: ReadonlySet<string> = new Set(['web']);

/** Turning one text back into what was written can reveal another one behind it (a `type:` that chooses the other keys). */
const ROUNDS_MAX = 3;

export interface Validated<T> {
  /** Undefined when there are problems. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
  /** The plain value with texts as written: what is left of a wrong file for salvage.ts. */
  readonly written: unknown;
}

/**
 * Checks a parsed document against a schema and returns its typed value, or every problem with its place.
 *
 * A field that the schema says is text takes what is written, whatever YAML makes of it. A schema names the code of a
 * problem itself by giving it as zod's error message (`z.string().regex(…, 'C036')`) or, with parameters, as
 * `params: { code, … }` of a custom issue; what it leaves open gets the codes of this file.
 */
export function validate<T>(document: YamlDocument, schema: ZodType<T>): Validated<T> {
  if (document.root === undefined) return { value: undefined, problems: [], written: undefined };
  const plain = { value: plainValue(document.root) };
  for (let round = 1; ; round += 1) {
    const result = schema.safeParse(plain.value, { error: whatBelongs });
    const zeros = oddNumbers(document.root, plain.value, []).map((path) => oddNumber(document, path));
    if (result.success) return { value: zeros.length > 0 ? undefined : result.data, problems: zeros, written: plain.value };
    const wasChanged = textPaths(result.error.issues, []).filter((path) => useSource(plain, document.root, path)).length > 0;
    if (wasChanged && round < ROUNDS_MAX) continue;
    const problems = result.error.issues.flatMap((issue) => toProblems(document, issue, issue.path));
    return {
      value: undefined,
      problems: [...withMissingBlocks(document, withoutFollowUps(document, problems)), ...zeros],
      written: plain.value,
    };
  }
}

/** Leaves out what only follows from a mistake of the document itself: a key that it could not take is not missing. */
function withoutFollowUps(document: YamlDocument, problems: readonly Problem[]): Problem[] {
  const pathsOf = (...codes: string[]) =>
    new Set(document.problems.filter(({ code }) => codes.includes(code)).map(({ path }) => path));
  // What an alias would have brought, through `<<` or as a value, is not missing either.
  const incomplete = pathsOf('C014', 'C015', 'C016', 'C070');
  const unread = pathsOf('C015', 'C016');
  return problems.filter(({ code, path, parameters }) =>
    code === 'C022' ? !incomplete.has(String(parameters['parent'])) : !unread.has(path),
  );
}

/** zod does not say what it would have known; its per-parse message is the one place where the schema is at hand. */
function whatBelongs(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return belonging(issue.inst as z.core.$ZodType | undefined);
  if (issue.code !== 'unrecognized_keys') return undefined;
  const definition = issue.inst?._zod.def as { shape?: object } | undefined;
  return Object.keys(definition?.shape ?? {}).join(' ');
}

/** Where the schema wanted text, also inside the branches of a union. */
function textPaths(issues: readonly Issue[], base: Path): Path[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path];
    if (issue.code === 'invalid_type' && issue.expected === 'string') return [path];
    if (issue.code === 'invalid_value' && issue.values.some((value) => typeof value === 'string')) return [path];
    if (issue.code === 'invalid_union') {
      const branches = issue.errors.flatMap((branch) => textPaths(branch, path));
      return issue.errors.length === 0 ? [path] : branches;
    }
    return [];
  });
}

/** Puts the scalar as written where YAML made a number or a boolean of it. Says whether anything changed. */
function useSource(plain: { value: unknown }, root: YamlNode | undefined, path: Path): boolean {
  const node = nodeAt(root, path);
  if (node?.source === undefined || (typeof node.scalar !== 'number' && typeof node.scalar !== 'boolean')) return false;
  let owner: Record<PropertyKey, unknown> = plain;
  let key: PropertyKey = 'value';
  for (const next of path) {
    owner = owner[key] as Record<PropertyKey, unknown>;
    key = next;
  }
  if (owner[key] === node.source) return false;
  owner[key] = node.source;
  return true;
}

/** Numbers of the value that were written so that a person or a YAML 1.1 tool sees another number. */
function oddNumbers(node: YamlNode, value: unknown, path: Path): Path[] {
  // What a parameter is, a number or an address made of digits, its board says: see parameters.ts.
  if (path.length === 3 && path[0] === 'devices' && path[2] === 'with') return [];
  if (node.kind === 'scalar') {
    return typeof value === 'number' && node.source !== undefined && isOddNumber(node.source) ? [path] : [];
  }
  return [...node.children].flatMap(([key, child]) =>
    oddNumbers(child, (value as Record<string, unknown>)[key], [...path, node.kind === 'list' ? Number(key) : key]),
  );
}

function oddNumber(document: YamlDocument, path: Path): Problem {
  const node = nodeAt(document.root, path);
  return document.problem('C028', path, { written: node?.source ?? '', number: String(node?.scalar) });
}

function toProblems(document: YamlDocument, issue: Issue, path: Path): Problem[] {
  const at = (code: string, parameters: ProblemParameters = {}) => [document.problem(code, path, parameters)];
  const written = writtenAt(document, path);
  const node = nodeAt(document.root, path);
  const key = String(path.at(-1) ?? '');
  const isEmpty = node?.kind === 'scalar' && (node.scalar === null || node.scalar === '');
  if (isEmpty && issue.code !== 'unrecognized_keys' && issue.code !== 'invalid_key') return at('C029', { key });
  if (issue.code !== 'custom' && node === undefined) {
    return at('C022', { key, parent: dotted(path.slice(0, -1)), example: exampleOf(document, path) });
  }
  if (/^[A-Z]\d{3}$/.test(issue.message)) return at(issue.message, ownCode(issue.message, written, path));
  switch (issue.code) {
    case 'custom': {
      const { code, at: deeper, ...parameters } = (issue.params ?? {}) as { code: string; at?: Path } & ProblemParameters;
      if (code === 'C043') return at(code, { low: writtenAt(document, [...path, 0]), high: writtenAt(document, [...path, 1]) });
      const named = code === 'C044' || code === 'C025' ? keyAt([...path, ...(deeper ?? [])]) : {};
      return [document.problem(code, [...path, ...(deeper ?? [])], { ...named, ...parameters })];
    }
    case 'unrecognized_keys':
      return issue.keys.map((unknown) => unknownKey(document, path, unknown, issue.message.split(' ')));
    case 'invalid_key':
      return at('C026', { key, candidates: meantId(key, '_') });
    case 'invalid_value': {
      const choices = issue.values.map(String).filter((choice) => !FORMER_WORDS.has(choice));
      if (node !== undefined && node.kind !== 'scalar')
        return at(...wrongType(node, { written, expected: ['string'], path, fitting: choices.join(', ') }));
      return at('C024', {
        ...keyAt(path),
        written,
        choices,
        candidates: meantChoices(written, choices),
        ...stateOf(written, choices),
      });
    }
    case 'invalid_union':
      return unionProblems(document, issue, path, written);
    case 'too_small':
      return at(...outOfBounds(path, { of: String(issue.origin), bound: 'least', amount: Number(issue.minimum), written }));
    case 'too_big':
      return at(...outOfBounds(path, { of: String(issue.origin), bound: 'most', amount: Number(issue.maximum), written }));
    case 'invalid_type':
      if (issue.expected === 'tuple' && isFlat(document, path)) return flatPairs(document, path);
      return at(...wrongType(node, { written, expected: [issue.expected], path, fitting: issue.message }));
    default:
      return at('C038', { written });
  }
}

/** The name of the line for a key that depends on what stands around it. */
function exampleOf(document: YamlDocument, path: Path): string {
  const [parent, key] = path.slice(-2);
  if (parent === 'callback' && key === 'secret') return 'callback_secret';
  if (key !== 'via') return '';
  const board = nodeAt(document.root, [...path.slice(0, -1), 'board'])?.scalar;
  return String(board).startsWith('gateway-self@') ? 'via_gateway' : 'via_bus';
}

/** Whether `path` leads into a list of which no entry is a list, where each should be one. */
function isFlat(document: YamlDocument, path: Path): boolean {
  const list = typeof path.at(-1) === 'number' ? nodeAt(document.root, path.slice(0, -1)) : undefined;
  return list !== undefined && [...list.children.values()].every(({ kind }) => kind === 'scalar');
}

/** `[0x10, 0x20]` where `[[0x10, 0x20]]` belongs, said once for the whole list. */
function flatPairs(document: YamlDocument, path: Path): Problem[] {
  if (path.at(-1) !== 0) return [];
  const list = path.slice(0, -1);
  const all = [...(nodeAt(document.root, list)?.children.keys() ?? [])].map((key) => writtenAt(document, [...list, key]));
  const pairs = all.flatMap((first, index) => (index % 2 === 0 ? [`[${first}, ${all[index + 1] ?? '…'}]`] : []));
  const { key } = keyAt(list);
  const brackets = `[${pairs.join(', ')}]`;
  return [document.problem('C023', list, { case: 'pairs', key, written: `[${all.join(', ')}]`, brackets })];
}

interface OutOfBounds {
  readonly of: string;
  readonly bound: 'least' | 'most';
  readonly amount: number;
  readonly written: string;
}

function outOfBounds(path: Path, outside: OutOfBounds): [string, ProblemParameters] {
  const { of, bound, amount } = outside;
  if (of === 'array' || of === 'string') return ['C046', { kind: `${of}-${bound}`, amount }];
  const named = keyAt(path);
  const isRegister = named.key === 'at' || named.key === 'register' || named.key === 'scale_from';
  return ['C025', { ...named, ...outside, ...(isRegister ? longManualNumber(outside.written) : {}) }];
}

/** What a code that the schema itself names is told with. */
function ownCode(code: string, written: string, path: Path): ProblemParameters {
  const common = { written: code === 'C050' ? '' : written, name: secretName(path) };
  if (code === 'C026') return { ...common, key: written, candidates: meantId(written, '_') };
  return code === 'C041' ? { ...common, candidates: meantId(written, '-') } : common;
}

function unknownKey(document: YamlDocument, parent: Path, key: string, allowed: readonly string[]): Problem {
  const path = [...parent, key];
  const known = allowed.filter((word) => word !== '');
  const under = parent.length === 0 ? blockOf(nodeAt(document.root, path)) : '';
  const isSet = parent[0] === 'buses' && SET_BY_BOARD.has(key) && !known.includes('baud');
  const parameters = {
    key,
    candidates: isSet ? [] : closest(key, known),
    allowed: known,
    ...(under === '' ? {} : { under }),
    ...(isSet ? { because: 'serial' } : {}),
  };
  return document.problem('C021', path, parameters, 'error', 'key');
}

/** Of a union, the branch that fits what was written is the one whose complaints help. */
function unionProblems(
  document: YamlDocument,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  written: string,
): Problem[] {
  const options = 'options' in issue ? (issue.options as readonly unknown[]).map(String) : [];
  if (issue.errors.length === 0) {
    const parameters = { ...keyAt(path), written, choices: options, candidates: closest(written, options) };
    return [document.problem('C024', path, parameters)];
  }
  // No word fits where a list or a block stands.
  const isScalar = nodeAt(document.root, path)?.kind === 'scalar';
  const isOtherType = (branch: readonly Issue[]) =>
    branch.some(({ code, path }) => path.length === 0 && (code === 'invalid_type' || (code === 'invalid_value' && !isScalar)));
  const fitting = issue.errors
    .filter((branch) => !isOtherType(branch))
    .sort((a, b) => isFarWord(a, written) - isFarWord(b, written) || a.length - b.length)[0];
  if (fitting) return fitting.flatMap((inner) => toProblems(document, inner, [...path, ...inner.path]));
  const expected = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => ('expected' in inner ? [String(inner.expected)] : [])),
  );
  // The keys of a block are no examples of a value.
  const values = issue.errors.flat().filter((inner) => inner.code === 'invalid_type' && inner.expected !== 'object');
  const belongs = { written, expected, path, fitting: values[0]?.message ?? '' };
  return [document.problem(...withPath(wrongType(nodeAt(document.root, path), belongs), path))];
}

/** 1 when the branch knows only other words than this one: `max_on: 5m` is no `unlimited`, but nearly a length of time. */
function isFarWord(branch: readonly Issue[], written: string): number {
  return Number(
    branch.some((inner) => inner.code === 'invalid_value' && closest(written, inner.values.map(String)).length === 0),
  );
}

function withPath([code, parameters]: [string, ProblemParameters], path: Path): [string, Path, ProblemParameters] {
  return [code, path, parameters];
}

/** What stands at `path`, in short, for a message. */
function writtenAt(document: YamlDocument, path: Path): string {
  const node = nodeAt(document.root, path);
  return node?.kind === 'scalar' ? (node.source ?? String(node.scalar)) : '';
}

/** The name that a secret of this place would naturally have: `sentilo_token`. */
function secretName(path: Path): string {
  return path.slice(-2).map(String).join('_');
}
