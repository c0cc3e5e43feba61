import type { Problem } from './problem.ts';
import type { YamlDocument } from './yaml-document.ts';
import { nodeAt, type YamlNode } from './yaml-tree.ts';

/** The blocks whose word is forgotten, so that what belongs to them stands in the block above. */
type Block = 'devices' | 'buses';

/** The block that a thing belongs to: a device and a bus are known by their keys. */
export function blockOf(node: YamlNode | undefined): Block | '' {
  if (node?.children.has('board') || node?.children.has('via')) return 'devices';
  return node?.children.has('type') ? 'buses' : '';
}

/**
 * Says once that `devices:` or `buses:` is missing, in place of what is wrong with every device or bus that stands in
 * another block for it. A file that has the word has put them there for another reason.
 */
export function withMissingBlocks(document: YamlDocument, problems: readonly Problem[]): Problem[] {
  const said = new Set<Block>();
  return problems.flatMap((problem) => {
    const [parent = '', id = ''] = problem.path.split('.');
    const isOne = problem.path === `${parent}.${id}` && problem.code === 'C021';
    const isUntyped = problem.path === `buses.${id}.type` && problem.code === 'C022';
    const block = isOne || isUntyped ? blockOf(nodeAt(document.root, [parent, id])) : '';
    if (block === '' || block === parent || !isMissing(document, block)) return [problem];
    if (said.has(block)) return [];
    said.add(block);
    return [document.problem('C022', [parent, id], { key: block, parent: '', above: id }, 'error', 'key')];
  });
}

/** Whether a bus or device stands in another block, because the word of its own is missing. */
export function isMisplaced(document: YamlDocument, block: Block, id: string): boolean {
  if (!isMissing(document, block)) return false;
  return [...(document.root?.children.values() ?? [])].some((other) => blockOf(other.children.get(id)) === block);
}

function isMissing(document: YamlDocument, block: Block): boolean {
  return nodeAt(document.root, ['gateway']) !== undefined && nodeAt(document.root, [block]) === undefined;
}
