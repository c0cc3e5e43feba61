import { Buffer } from 'node:buffer';
import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Place, Problem, ProblemParameters } from './problem.ts';
import { isSecretKey } from './secrets.ts';
import { wrongNumber } from './wrong-number.ts';
import { exceededLimit, FILE_BYTES_MAX, ODD_SPACES, oddSpaceParameters, syntaxProblems } from './yaml-limits.ts';
import { dotted, type Path, placeAt, plainValue, type YamlNode } from './yaml-tree.ts';

/** An alias may repeat a part of the file, but not multiply it: a bomb needs many. */
const ALIASES_MAX = 20;

/** Nodes after aliases are followed. Twenty aliases of aliases can still double a file twenty times. */
const NODES_MAX = 50_000;

/** Keys that reach into JavaScript's own objects; no format of ours has them. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** One YAML file, parsed but not yet checked against a schema (config/validate.ts does that). */
export interface YamlDocument {
  readonly file: string;
  readonly text: string;
  /** Undefined when the text could not be parsed; `problems` then has an error. */
  readonly root: YamlNode | undefined;
  /** The plain value of `root`. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Where `path` is written; see placeAt in yaml-tree.ts. The start of the file when nothing was parsed. */
  placeOf(path: Path, part?: 'value' | 'key'): Place;
  /** A problem of this document at `path`; an error at its value unless said otherwise. */
  problem(
    code: string,
    path: Path,
    parameters?: ProblemParameters,
    severity?: Problem['severity'],
    part?: 'value' | 'key',
  ): Problem;
}

/**
 * Parses YAML 1.2 (core schema, one document, no tags, at most 256 KiB, 20 aliases and 20 levels) into a value whose
 * every part knows its place. Everything that is wrong is in `problems`; nothing is thrown.
 *
 * @param file the name that places carry; the file is not read
 */
export function parseYaml(file: string, content: Uint8Array | string): YamlDocument {
  const start: Place = { file, line: 1, column: 1, length: 1 };
  const refuse = (code: string, text = '') =>
    makeDocument(file, text, undefined, [{ code, severity: 'error', place: start, path: '', parameters: {} }]);

  // The size comes first: a file of 10 MB takes the parser many seconds.
  const sizeBytes = typeof content === 'string' ? Buffer.byteLength(content) : content.length;
  if (sizeBytes > FILE_BYTES_MAX) return refuse('C003');
  const text = typeof content === 'string' ? content : decode(content);
  if (text === undefined || text.includes('\0')) return refuse('C005');
  if (text.trim() === '') return refuse('C004', text);
  const limit = exceededLimit(text);
  if (limit !== undefined) return refuse(limit, text);

  const lines = new LineCounter();
  const place = (from: number, to: number): Place => {
    const { line, col } = lines.linePos(from);
    // What goes over several lines is pointed at on its first.
    const end = Math.min(to, (lines.lineStarts[line] ?? text.length + 1) - 1);
    return { file, line: Math.max(1, line), column: Math.max(1, col), length: Math.max(1, end - from) };
  };
  const documents = [
    // Repeated keys are found in Reader: the parser's own check compares every key with every other one.
    ...new Composer({ version: '1.2', schema: 'core', uniqueKeys: false }).compose(new Parser(lines.addNewLine).parse(text)),
  ];
  const [first, second] = documents as Document.Parsed[];
  if (first === undefined) return refuse('C004', text);
  const problems = syntaxProblems(text, first, place);
  if (second) {
    problems.push({
      code: 'C013',
      severity: 'error',
      place: place(second.range[0], second.range[0] + 3),
      path: '',
      parameters: {},
    });
  }
  if (problems.length > 0) return makeDocument(file, text, undefined, problems);
  if (first.contents === null || isEmptyScalar(first.contents)) return refuse('C004', text);
  const reader = new Reader(place);
  const root = reader.read(first.contents, []);
  return makeDocument(file, text, reader.isTooLarge ? undefined : root, reader.allProblems());
}

function isEmptyScalar(node: Node): boolean {
  return isScalar(node) && node.value === null;
}

/** UTF-8, with or without a byte order mark; undefined for anything else. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A document over a tree, for parseYaml and for the loader, which merges the trees of several files. */
export function makeDocument(file: string, text: string, root: YamlNode | undefined, problems: readonly Problem[]): YamlDocument {
  const placeOf = (path: Path, part?: 'value' | 'key'): Place =>
    root ? placeAt(root, path, part) : { file, line: 1, column: 1, length: 1 };
  return {
    file,
    text,
    root,
    value: root ? plainValue(root) : undefined,
    problems,
    placeOf,
    problem: (code, path, parameters = {}, severity = 'error', part = 'value') => ({
      code,
      severity,
      place: placeOf(path, part),
      path: dotted(path),
      parameters,
    }),
  };
}

/** Tags of other programs, for which there is something here. */
const OTHER_TAGS: ReadonlyMap<string, string> = new Map([
  ['!secret', 'secret'],
  ['!include', 'include'],
]);

/** Turns the parser's nodes into ours: follows aliases, merges `<<`, counts what that makes, and notes what is not allowed. */
class Reader {
  readonly problems: Problem[] = [];
  isTooLarge = false;
  readonly #place: (from: number, to: number) => Place;
  readonly #anchors = new Map<string, Node>();
  #aliasCount = 0;
  #nodeCount = 0;

  constructor(place: (from: number, to: number) => Place) {
    this.#place = place;
  }

  /** @param through the place of the alias or `<<` that led here; what is found below it stands there */
  read(node: Node, path: Path, key?: Place, through?: Place): YamlNode {
    const range = node.range ?? [0, 0, 0];
    const place = through ?? this.#place(range[0], range[1]);
    const at = key ? { place, keyPlace: key } : { place };
    const nothing: YamlNode = { kind: 'scalar', ...at, scalar: null, children: new Map() };
    this.#nodeCount += 1;
    if (this.isTooLarge) return nothing;
    if (this.#nodeCount > NODES_MAX) {
      this.isTooLarge = true;
      this.#report('C017', place, path, { most: ALIASES_MAX });
      return nothing;
    }
    if (isAlias(node)) {
      const target = this.#follow(node, place, path);
      return target ? this.read(target, path, key, place) : nothing;
    }
    if (node.tag !== undefined && !through) {
      const tag = node.tag.replace('tag:yaml.org,2002:', '!!');
      this.#report('C020', this.#place(range[0], range[1]), path, { kind: OTHER_TAGS.get(tag) ?? 'other', tag });
    }
    const result = isCollection(node)
      ? isMap(node)
        ? this.#readMap(node as YAMLMap.Parsed, path, at, through)
        : this.#readList(node as YAMLSeq.Parsed, path, at, through)
      : this.#readScalar(node as Scalar, path, at);
    // After its children, so that an anchor is unknown inside itself.
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    return result;
  }

  /** What is wrong, once all anchors are known: one that stands further below is said to. */
  allProblems(): Problem[] {
    return this.problems.map((problem) => {
      if (problem.code !== 'C016') return problem;
      const { name = '', known = [] } = problem.parameters;
      const [from = 0] = this.#anchors.get(String(name))?.range ?? [];
      const { line } = this.#place(from, from);
      const told = line > problem.place.line ? { below: line } : { known, missing: name };
      return { ...problem, parameters: { name, ...told } };
    });
  }

  #report(code: string, place: Place, path: Path, parameters: ProblemParameters): void {
    this.problems.push({ code, severity: 'error', place, path: dotted(path), parameters });
  }

  #follow(alias: Alias, place: Place, path: Path): Node | undefined {
    this.#aliasCount += 1;
    if (this.#aliasCount === ALIASES_MAX + 1) this.#report('C017', place, path, { most: ALIASES_MAX });
    if (this.#aliasCount > ALIASES_MAX) this.isTooLarge = true;
    if (this.isTooLarge) return undefined;
    const target = this.#anchors.get(alias.source);
    if (!target) this.#report('C016', place, path, { name: alias.source, known: [...this.#anchors.keys()] });
    return target;
  }

  #readScalar(node: Scalar, path: Path, at: { place: Place; keyPlace?: Place }): YamlNode {
    const source = node.type === 'PLAIN' ? (node.source ?? '') : undefined;
    const value = node.value;
    const scalar = typeof value === 'number' || typeof value === 'boolean' || value === null ? value : String(value);
    if (source !== undefined && typeof scalar === 'string' && ODD_SPACES.test(`${scalar[0]}${scalar.at(-1)}`)) {
      this.#report('C015', at.place, path, oddSpaceParameters(scalar));
    }
    return { kind: 'scalar', ...at, scalar, ...(source !== undefined && { source }), children: new Map() };
  }

  #readList(node: YAMLSeq.Parsed, path: Path, at: { place: Place; keyPlace?: Place }, through?: Place): YamlNode {
    const children = new Map<string, YamlNode>();
    for (const [index, item] of node.items.entries()) {
      children.set(String(index), this.read(item as Node, [...path, index], undefined, through));
    }
    return { kind: 'list', ...at, children };
  }

  #readMap(node: YAMLMap.Parsed, path: Path, at: { place: Place; keyPlace?: Place }, through?: Place): YamlNode {
    const children = new Map<string, YamlNode>();
    const merged: YamlNode[] = [];
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const range = pair.key.range ?? [0, 0, 0];
      const keyPlace = through ?? this.#place(range[0], range[1]);
      if (!isScalar(pair.key)) {
        this.#report('C030', keyPlace, path, {});
        continue;
      }
      // A key is text however it looks: `1:` and `true:` are the texts 1 and true.
      const key = pair.key.type === 'PLAIN' ? (pair.key.source ?? '') : String(pair.key.value);
      if (key === '<<' && pair.key.type === 'PLAIN') {
        if (!through) this.#reportSecondMerge(node, pair, path);
        // What comes through `<<` is wrong at the `<<`.
        if (pair.value) merged.push(...this.#mergeSources(this.read(pair.value, path, keyPlace, keyPlace), path));
      } else if (children.has(key)) {
        if (!through)
          this.#report('C012', keyPlace, [...path, key], { kind: 'key', key, line: children.get(key)?.keyPlace?.line ?? 1 });
      } else if (this.#isAllowedKey(key, pair, node, keyPlace, path)) {
        const value = pair.value ?? ({ range: pair.key.range, type: 'PLAIN', source: '', value: null } as unknown as Node);
        children.set(key, this.read(value, [...path, key], keyPlace, through));
      }
    }
    // The map's own keys win wherever `<<` stands, and of several sources the first wins (yaml.org/type/merge).
    for (const source of merged) {
      for (const [key, child] of source.children) if (!children.has(key)) children.set(key, child);
    }
    return { kind: 'map', ...at, children };
  }

  /** `<<` is a key like others: it stands once in a map (YAML 1.2.2 §3.2.1.1). */
  #reportSecondMerge(map: YAMLMap.Parsed, pair: Pair<Node, Node | null>, path: Path): void {
    const all = (map.items as Pair<Node, Node | null>[]).filter(
      ({ key }) => isScalar(key) && key.type === 'PLAIN' && key.source === '<<',
    );
    const [first] = all;
    if (first === undefined || first === pair) return;
    const placeOf = ({ key }: Pair<Node, Node | null>) => this.#place(key.range?.[0] ?? 0, key.range?.[1] ?? 0);
    const names = all.flatMap(({ value }) => (isAlias(value) ? [`*${value.source}`] : []));
    const both = (names.length === all.length ? names : ['*a', '*b']).join(', ');
    this.#report('C012', placeOf(pair), path, { kind: 'merge', line: placeOf(first).line, both });
  }

  #mergeSources(value: YamlNode, path: Path): YamlNode[] {
    const sources = value.kind === 'list' ? [...value.children.values()] : [value];
    const maps = sources.filter((source) => source.kind === 'map');
    // An unknown anchor has been reported already.
    if (maps.length < sources.length && this.problems.at(-1)?.code !== 'C016') this.#report('C019', value.place, path, {});
    return maps;
  }

  #isAllowedKey(key: string, pair: Pair<Node, Node | null>, map: YAMLMap.Parsed, place: Place, path: Path): boolean {
    if (FORBIDDEN_KEYS.has(key)) {
      this.#report('C031', place, [...path, key], { key });
      return false;
    }
    if (ODD_SPACES.test(key)) {
      this.#report('C015', place, path, oddSpaceParameters(key));
      return false;
    }
    // `{ en: Height, used for pressure }`: the comma made a second key, which has no colon.
    const hasColon = pair.value !== null && !(isScalar(pair.value) && pair.value.range?.[0] === pair.key.range?.[1]);
    const before = map.items[map.items.indexOf(pair as never) - 1];
    if (!map.flow || hasColon || !before) return true;
    const { value } = before;
    const decimal = isScalar(value) && value.type === 'PLAIN' ? wrongNumber(`${value.source},${key}`) : undefined;
    // Without the text: what a comma cut off can be the end of a secret.
    if (!decimal || isSecretKey(String(before.key))) this.#report('C014', place, path, {});
    else this.#report(decimal.code, place, path, decimal.parameters);
    return false;
  }
}
