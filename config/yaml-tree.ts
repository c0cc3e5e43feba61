import type { Place } from './problem.ts';

/**
 * A YAML value that remembers where it was written. Lists have their items under `'0'`, `'1'`, …. What came through an
 * alias or `<<` stands where the alias or the `<<` is written, because that is the line a person has to change.
 */
export interface YamlNode {
  readonly kind: 'scalar' | 'list' | 'map';
  readonly place: Place;
  /** Where its key is written; undefined for list items and for the document itself. */
  readonly keyPlace?: Place;
  readonly scalar?: string | number | boolean | null;
  /** A scalar without quotes, exactly as written: `8E1`, `010`, `yes`. */
  readonly source?: string;
  readonly children: ReadonlyMap<string, YamlNode>;
}

/** A way into a document: keys, and positions in lists. */
export type Path = readonly PropertyKey[];

/** The node at `path`, or undefined when nothing is written there. */
export function nodeAt(root: YamlNode | undefined, path: Path): YamlNode | undefined {
  let node = root;
  for (const key of path) node = node?.children.get(String(key));
  return node;
}

/** The plain value of a node: objects, arrays, text, numbers, booleans, null. Each call makes new objects. */
export function plainValue(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.scalar;
  if (node.kind === 'list') return [...node.children.values()].map(plainValue);
  return Object.fromEntries([...node.children].map(([key, child]) => [key, plainValue(child)]));
}

/**
 * What to point at for `path`: a text or number itself, the key of a block, and the nearest written parent of what is
 * missing. `part: 'key'` points at the key in any case.
 */
export function placeAt(root: YamlNode, path: Path, part: 'value' | 'key' = 'value'): Place {
  let node = root;
  let isMissing = false;
  for (const key of path) {
    const child = node.children.get(String(key));
    if (child === undefined) {
      isMissing = true;
      break;
    }
    node = child;
  }
  const isEmpty = node.kind === 'scalar' && node.scalar === null;
  if (node.keyPlace && (part === 'key' || isMissing || isEmpty || node.kind !== 'scalar')) return node.keyPlace;
  return node.place;
}

/** `over` laid on `under`: maps merge key by key, everything else of `over` replaces. Keys of `over` come first. */
export function mergeNodes(under: YamlNode, over: YamlNode): YamlNode {
  if (under.kind !== 'map' || over.kind !== 'map') return over;
  const children = new Map(over.children);
  for (const [key, node] of under.children) {
    const own = children.get(key);
    children.set(key, own ? mergeNodes(node, own) : node);
  }
  return { ...over, children };
}

/** `devices.air.every`, as messages and scripts show a path. */
export function dotted(path: Path): string {
  return path.map(String).join('.');
}
