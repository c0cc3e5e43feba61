import type { ZodType, z } from 'zod';
import type { Path } from './yaml-tree.ts';

/** Taking out one wrong part can leave its parent incomplete, so it goes up level by level; no format of ours is deeper. */
const ROUNDS_MAX = 12;

/**
 * What is left of a value that does not fit its schema when every wrong part is taken out, so that the rest can still
 * be checked and all mistakes show in one run. Nothing may run on it. Undefined when nothing useful is left.
 *
 * @param fallback what stands in for top-level keys that are required and wrong
 */
export function salvage<T>(value: unknown, schema: ZodType<T>, fallback: Readonly<Record<string, unknown>>): T | undefined {
  const plain = structuredClone(value);
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return undefined;
  const root = plain as Record<PropertyKey, unknown>;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const result = schema.safeParse(root);
    if (result.success) return result.data;
    for (const path of result.error.issues.flatMap(wrongPaths)) {
      const [key] = remove(root, path);
      if (key !== undefined && Object.hasOwn(fallback, key) && !Object.hasOwn(root, key)) root[key] = fallback[String(key)];
    }
  }
  return undefined;
}

function wrongPaths(issue: z.core.$ZodIssue): Path[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...issue.path, key]);
  const at = issue.code === 'custom' ? ((issue.params?.['at'] ?? []) as Path) : [];
  return [[...issue.path, ...at]];
}

/**
 * Removes what stands at `path`: the innermost part that is there and is an entry of a map, because a list without one
 * of its items would be another list. Returns the path that is gone.
 */
function remove(root: Record<PropertyKey, unknown>, path: Path): Path {
  let gone = path.slice(0, 1);
  let owner: Record<PropertyKey, unknown> | undefined;
  let next: unknown = root;
  for (const [index, key] of path.entries()) {
    if (typeof next !== 'object' || next === null || !Object.hasOwn(next, key)) break;
    if (!Array.isArray(next)) {
      owner = next as Record<PropertyKey, unknown>;
      gone = path.slice(0, index + 1);
    }
    next = (next as Record<PropertyKey, unknown>)[key];
  }
  const key = gone.at(-1);
  if (owner && key !== undefined) delete owner[key];
  return gone;
}
