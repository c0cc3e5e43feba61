import { dirname, isAbsolute, join, normalize } from 'node:path';
import type { Problem } from './problem.ts';
import { type Files, readDocument } from './read-document.ts';
import { makeDocument, type YamlDocument } from './yaml-document.ts';
import { mergeNodes, nodeAt, type Path, type YamlNode } from './yaml-tree.ts';

/** Files that include files that include files: more levels than a person can follow. */
const DEPTH_MAX = 5;

/** Files of one site altogether. */
const FILES_MAX = 20;

/** Codes of a file that could not be read at all. */
const UNREAD: ReadonlySet<string> = new Set(['C001', 'C002', 'C008', 'C009']);

/** A site file with everything that it includes merged under it. Problems stand in the file where they were made. */
export interface SiteDocument extends YamlDocument {
  /** Every file that was read, by name. */
  readonly documents: readonly YamlDocument[];
}

/**
 * Merges the files under `include:` below `first`: maps key by key, everything else replaced, the including file wins,
 * and of several included files the later. Paths are relative to the file that names them.
 */
export async function readIncludes(first: YamlDocument, files: Pick<Files, 'readFile'>): Promise<SiteDocument> {
  const documents: YamlDocument[] = [first];
  const problems: Problem[] = [];

  const merge = async (document: YamlDocument, chain: readonly string[]): Promise<YamlNode | undefined> => {
    problems.push(...document.problems);
    let under: YamlNode | undefined;
    for (const [path, name] of includedNames(document)) {
      const file = normalize(isAbsolute(name) ? name : join(dirname(document.file), name));
      const refuse = (code: string) =>
        problems.push(document.problem(code, path, { name, most: code === 'C055' ? DEPTH_MAX : FILES_MAX }));
      if (chain.includes(file)) refuse('C054');
      else if (chain.length >= DEPTH_MAX) refuse('C055');
      else if (documents.length >= FILES_MAX) refuse('C056');
      else {
        const included = await readDocument(file, files);
        const unread = included.problems.find(({ code }) => UNREAD.has(code));
        if (unread) {
          // There is no line in a file that is not there: the entry that names it is what a person can change.
          problems.push(document.problem(unread.code, path, { ...unread.parameters, beside: dirname(file) }));
          continue;
        }
        documents.push(included);
        if (included.root && included.root.kind !== 'map') problems.push(included.problem('C057', []));
        const node = await merge(included, [...chain, file]);
        // Its own `include:` has been followed; left in, it would be merged into ours.
        if (node?.kind === 'map') under = under ? mergeNodes(under, without(node, 'include')) : without(node, 'include');
      }
    }
    return document.root && under ? mergeNodes(under, document.root) : document.root;
  };

  const root = await merge(first, [normalize(first.file)]);
  problems.push(...documents.slice(1).flatMap((included) => overriddenSecrets(included, root)));
  return { ...makeDocument(first.file, first.text, root, problems), documents };
}

/** The entries of `include:`; a list of anything else is reported by the schema. */
function includedNames(document: YamlDocument): [(string | number)[], string][] {
  const list = nodeAt(document.root, ['include']);
  if (list?.kind !== 'list') return [];
  return [...list.children].flatMap(([index, item]) =>
    typeof item.scalar === 'string' ? [[['include', Number(index)], item.scalar] as [(string | number)[], string]] : [],
  );
}

function without(node: YamlNode, key: string): YamlNode {
  return { ...node, children: new Map([...node.children].filter(([other]) => other !== key)) };
}

/** Secrets written into an included file that the including file hides from the schema by giving the same key itself. */
function overriddenSecrets(included: YamlDocument, merged: YamlNode | undefined): Problem[] {
  const problems: Problem[] = [];
  const walk = (node: YamlNode, path: Path): void => {
    for (const [key, child] of node.children) {
      const at = [...path, key];
      const isPlain = child.kind !== 'map' && child.scalar !== null;
      if ((key === 'token' || key === 'password') && isPlain && nodeAt(merged, at) !== child) {
        problems.push(included.problem('C050', at, { written: '', name: at.slice(-2).join('_') }));
      }
      walk(child, at);
    }
  };
  for (const block of ['sentilo', 'mqtt', 'buses']) {
    const node = nodeAt(included.root, [block]);
    if (node) walk(node, [block]);
  }
  return problems;
}
