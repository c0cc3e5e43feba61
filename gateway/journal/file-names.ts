import { parseBlockFileName } from './block-file.ts';
import { uplinkOf } from './cursor-file.ts';
import { isSlotName } from './slot.ts';

/**
 * Whether a file of this name tells that its folder is a journal's: a slot, a block file or a cursor. `losses` and `files`
 * do not tell: any folder may have files of such names.
 */
export function isJournalFile(name: string): boolean {
  const made = name.endsWith('.new') ? name.slice(0, -'.new'.length) : name;
  return isSlotName(name) || uplinkOf(name) !== undefined || parseBlockFileName(made) !== undefined;
}
